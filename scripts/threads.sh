#!/bin/sh
# threads.sh COMMAND …: runs it with as many threads as it takes. Passwords are hashed on as many as there are cores, and two more
# serve what else there is to do; Bun reads their number before it runs anything. By `exec` signals reach the command itself.
export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-$(($(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) + 2))}"
exec "$@"
