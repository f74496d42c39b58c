import { closeSync, openSync } from "node:fs";
import { findProgram, run } from "./run.ts";

const STOP_GRACE = 20_000;

export interface ServerProcess {
  pid: number;
  exited: Promise<number>;
  /** To be called when it serves: from then on it is asked to end, until then it is killed. */
  nowServing(): void;
  /** Ends it: SIGTERM, and SIGKILL when it is still there after 20 s. */
  end(): Promise<void>;
}

/**
 * Runs a server in its own session (Ctrl-C is ours to handle) that ends when this process ends in whatever way, and that
 * does not keep this process from ending. MariaDB 10.11 hangs for good when a SIGTERM comes while it starts: until it
 * serves it gets SIGKILL, from which it recovers.
 * @param options `env` is all it sees (ours when left out), `logFile` gets what it prints, setpriv is looked for on `path`
 */
export async function spawnServer(
  command: string[],
  options: { env?: Record<string, string>; logFile: string; path: string | undefined },
): Promise<ServerProcess> {
  const tied = await tiedToParent(options.path);
  const log = openSync(options.logFile, "a", 0o600);
  const child = Bun.spawn([...tied, ...command], {
    ...(options.env === undefined ? {} : { env: options.env }),
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  const watch = watchdog(child.pid);
  child.exited.then(watch.stop);
  let serving = false;
  return {
    pid: child.pid,
    exited: child.exited,
    nowServing: () => {
      serving = true;
      watch.nowServing();
    },
    end: async () => {
      child.ref();
      child.kill(serving ? "SIGTERM" : "SIGKILL");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE);
      await child.exited;
      clearTimeout(timer);
    },
  };
}

/** Has the kernel send the signal, should the watchdog be killed too; busybox's setpriv does not know the option. */
async function tiedToParent(path: string | undefined): Promise<string[]> {
  const setpriv = process.platform === "linux" ? findProgram("setpriv", path) : undefined;
  if (setpriv === undefined) return [];
  const prefix = [setpriv, "--pdeathsig", "TERM", "--"];
  return (await run([...prefix, "/bin/sh", "-c", ":"])).ok ? prefix : [];
}

// It reads a pipe that only our end closes: a line says that the server serves, the end that we are gone.
const WATCH = `trap '' TERM INT HUP
read -r serving || { kill -KILL "$1"; exit; }
read -r nothing
kill -TERM "$1"
n=0; while kill -0 "$1" && [ $n -lt 20 ]; do sleep 1; n=$((n + 1)); done
kill -KILL "$1"`;

/** Ends another process as above when this one ends in whatever way; until `stop`. */
function watchdog(pid: number): { nowServing: () => void; stop: () => void } {
  const shell = Bun.spawn(["/bin/sh", "-c", WATCH, "latchkey-watchdog", String(pid)], {
    env: {},
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  shell.unref();
  const tell = async () => {
    shell.stdin.write("serving\n");
    await shell.stdin.flush();
  };
  return {
    // It fails when the server has just ended, and the watch with it.
    nowServing: () => void tell().catch(() => {}),
    stop: () => shell.kill("SIGKILL"),
  };
}
