import { readdirSync, readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

const TASKS = "/proc/self/task";
/** As Bun names the threads of its pool, on which passwords are hashed. */
const POOL = "Bun Pool";
/** How much nicer they are than the process; 19 is the most. They get what the others leave, and always a little. */
const NICER = 10;

/**
 * Lets hashes give way to the thread that answers, and to a database on the same processors: without that, a token check waits
 * for a hash's time slice while logins flood in. Bun makes these threads as it needs them, so new ones are looked for once a
 * second. Linux only; elsewhere it does nothing.
 * @returns stops it
 */
export function letHashesGiveWay(): () => void {
  if (process.platform !== "linux") return () => {};
  const niceness = Math.min(getPriority() + NICER, 19);
  const known = new Set<string>();
  const look = (task: string) => {
    if (known.has(task)) return;
    try {
      const name = readFileSync(`${TASKS}/${task}/comm`, "utf8");
      known.add(task);
      if (name.startsWith(POOL)) setPriority(Number(task), niceness);
    } catch {} // it has ended, or may not be changed
  };
  const lookAtAll = () => {
    try {
      for (const task of readdirSync(TASKS)) look(task);
    } catch {} // no file can be opened now
  };
  const timer = setInterval(lookAtAll, 1000);
  timer.unref();
  return () => clearInterval(timer);
}
