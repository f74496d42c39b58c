import type { Pool } from "mysql2/promise";
import type { Log } from "../auth/context.ts";
import { databaseFailure } from "../db/failures.ts";
import { purgeExpired } from "../db/purge.ts";

/**
 * Purges now and then, at no fixed moment, so that instances which started together do not meet at the lock.
 * @returns stops it, after the batch at hand
 */
export function startPurging(
  pool: Pool,
  everySeconds: number,
  clock: () => number,
  log: Log,
): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let timer: Timer;
  const schedule = () => {
    timer = setTimeout(run, everySeconds * 1000 * (0.5 + Math.random()));
    timer.unref();
  };
  const run = () => {
    running = purgeExpired(pool, Math.floor(clock() / 1000))
      .then((deleted) => {
        if (deleted) log.info({ deleted }, "purged expired rows");
      })
      .catch((error) => log.warn({ code: databaseFailure(error)?.code }, "purge failed"))
      .finally(schedule);
  };
  schedule();
  return async () => {
    clearTimeout(timer);
    await running;
    clearTimeout(timer);
  };
}
