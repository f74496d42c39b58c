import { availableParallelism } from "node:os";

/** UV_THREADPOOL_SIZE as the scripts and the image set it (scripts/threads.sh). */
export const THREADS = String(availableParallelism() + 2);
