import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "./files.ts";
import { type Report, run, withProgress } from "./run.ts";

/** Where the id of the server on a data directory is kept while it runs. */
export function pidFile(dataFolder: string): string {
  return join(dataFolder, "server.pid");
}

/**
 * Waits for the server of a latchkey that was killed: it is told to stop by then, and two on one directory would hang.
 * To be called with the lock, which says that nobody else can be using that server.
 */
export async function endPredecessor(dataFolder: string, report: Report): Promise<void> {
  const pid = Number(await readFile(pidFile(dataFolder), "utf8").catch(() => ""));
  if (!(pid > 1) || !(await serves(pid, dataFolder))) return;
  signal(pid, "SIGTERM");
  const gone = (milliseconds: number) => waitUntilGone(pid, dataFolder, milliseconds);
  const what = "waiting for the database server of a latchkey that was killed";
  if (await withProgress(report, what, gone(30_000))) return;
  signal(pid, "SIGKILL");
  if (!(await gone(5_000))) throw new Error(`the database server ${pid} on ${dataFolder} does not end`);
}

function signal(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in between.
  }
}

async function waitUntilGone(pid: number, dataFolder: string, milliseconds: number): Promise<boolean> {
  const until = performance.now() + milliseconds;
  while (await serves(pid, dataFolder)) {
    if (performance.now() > until) return false;
    await Bun.sleep(20);
  }
  return true;
}

/** Whether the process is a server on this directory, and not a stranger that got the same number later. */
async function serves(pid: number, dataFolder: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const command =
    process.platform === "linux"
      ? await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
      : (await run(["/bin/ps", "-ww", "-o", "args=", "-p", String(pid)])).stdout;
  return command.includes(`--datadir=${dataFolder}`);
}
