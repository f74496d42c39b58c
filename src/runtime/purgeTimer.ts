import type { Pool } from "mysql2/promise";
import type { Log } from "../auth/context.ts";
import { databaseFailure } from "../db/failures.ts";
import { blocklistIdsUsed, databaseSeconds, purgeExpired } from "../db/purge.ts";

/** What is told of every run. */
export interface PurgeObserver {
  /** It ended; null: another instance was at it. */
  onPurged(deletedRows: number | null): void;
  onFailed(): void;
}

/** From which part of the blocklist's ids on the log warns. */
const MANY_IDS = 0.5;

/** From how far apart on the log warns: tokens bear twice as much (`LEEWAY_SECONDS`). */
const CLOCKS_APART_SECONDS = 5;

/** Purges once, to the end or until it is stopped, and logs how that went. */
export async function purge(
  pool: Pool,
  clock: () => number,
  log: Log,
  observer?: PurgeObserver,
  stopped?: () => boolean,
): Promise<void> {
  try {
    await warnOfIds(pool, log); // first, while the newest rows are there
    const deleted = await purgeExpired(pool, await certainlyPast(pool, clock, log), stopped);
    if (deleted) log.info({ deleted }, "purged expired rows");
    observer?.onPurged(deleted);
  } catch (error) {
    log.warn({ code: databaseFailure(error)?.code }, "purge failed");
    observer?.onFailed();
  }
}

/** Warns when the blocklist's ids run out. If that cannot be found out, the purge goes on all the same. */
async function warnOfIds(pool: Pool, log: Log): Promise<void> {
  try {
    const used = await blocklistIdsUsed(pool);
    if (used >= MANY_IDS) log.warn({ usedPercent: Math.floor(used * 100) }, "ids of revoked_tokens run out");
  } catch (error) {
    log.warn({ code: databaseFailure(error)?.code }, "ids of revoked_tokens not looked at");
  }
}

/**
 * The earlier of the database's time and ours, epoch seconds: with a clock that is wrong, a purge would delete what ended
 * tokens are known by, and sessions that go on. Warns when the two are apart.
 */
async function certainlyPast(pool: Pool, clock: () => number, log: Log): Promise<number> {
  const ours = Math.floor(clock() / 1000);
  const theirs = await databaseSeconds(pool);
  if (Math.abs(ours - theirs) > CLOCKS_APART_SECONDS)
    log.warn({ aheadSeconds: ours - theirs }, "this clock and the database's are apart");
  return Math.min(ours, theirs);
}

/**
 * Purges now and then, at no fixed moment, so that instances which started together do not meet at the lock.
 * @returns stops it, after the batch at hand
 */
export function startPurging(
  pool: Pool,
  everySeconds: number,
  clock: () => number,
  log: Log,
  observer?: PurgeObserver,
): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let timer: Timer;
  let stopped = false;
  const schedule = () => {
    timer = setTimeout(run, everySeconds * 1000 * (0.5 + Math.random()));
    timer.unref();
  };
  const run = () => {
    running = purge(pool, clock, log, observer, () => stopped).finally(schedule);
  };
  schedule();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
    clearTimeout(timer);
  };
}
