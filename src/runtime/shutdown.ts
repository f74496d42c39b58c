import { startFailure, tell } from "./tell.ts";

/** How long a shutdown may take, once the drain's time is over, before it is cut off, in milliseconds. */
const LIMIT_MS = 25_000;

/**
 * A Ctrl-C reaches every process of the terminal's group, and `bun run` passes its own on too: a second one within so many
 * milliseconds is the same key press.
 */
const SAME_KEY_MS = 200;

/**
 * On SIGTERM or SIGINT runs `drain` once and exits with 0. A second signal, a failed drain or one that takes too long end
 * the process at once with 1, and say so on standard error.
 * @param drainSeconds how long `drain` goes on serving before it begins to close
 * @param limitMs how long it may take beyond that
 * @returns a function that starts the same with another exit code
 */
export function onShutdown(
  drain: (reason: string) => Promise<void>,
  drainSeconds: number,
  limitMs = LIMIT_MS,
): (reason: string, exitCode: number) => void {
  let started = false;
  const shutdown = (reason: string, exitCode: number) => {
    if (started) return cutOff(`there is another reason to (${reason})`);
    started = true;
    const limit = drainSeconds * 1000 + limitMs;
    setTimeout(() => cutOff(`it took longer than ${limit / 1000} s`), limit).unref();
    drain(reason).then(
      () => process.exit(exitCode),
      (error) => cutOff(startFailure(error, "it failed")),
    );
  };
  const cutOff = (why: string): never => {
    tell(`latchkey ends in the midst of its shutdown: ${why}`);
    process.exit(1);
  };
  let interruptedAt = -Infinity;
  process.on("SIGTERM", () => shutdown("SIGTERM", 0));
  process.on("SIGINT", () => {
    const again = performance.now() - interruptedAt < SAME_KEY_MS;
    interruptedAt = performance.now();
    if (!again) shutdown("SIGINT", 0);
  });
  return shutdown;
}
