import type { Pool } from "mysql2/promise";
import { isBroken, isConflict, isInterrupted, isLockTimeout, isUnknownStatement } from "./failures.ts";

/** What is known of work that may have to be run again. */
interface Repeatable {
  /** Doing it twice does no harm. */
  harmless?: boolean;
  /**
   * It changes a table's definition, and doing that twice does no harm. A cluster applies such changes on all nodes at once
   * and in one order, and one that comes first interrupts another (1317).
   */
  changesTable?: boolean;
}

/**
 * Runs work again where that is safe. What the server rolled back (after a conflict, or too long a wait for a lock), and a
 * statement that it did not know, was not done. What was lost with its connection may have been done, and is run again only if
 * doing it twice does no harm.
 * @param work does the same again each time
 * @throws what it throws the last time
 */
export async function repeat<T>(work: () => Promise<T>, known: Repeatable = {}): Promise<T> {
  for (let repeated = 0; ; repeated++) {
    try {
      return await work();
    } catch (error) {
      if (repeated >= repetitions(error, known)) throw error;
    }
  }
}

/** How often. A wait for a lock has already used up much of a request's time, and a cluster has few servers to go to. */
function repetitions(error: unknown, { harmless, changesTable }: Repeatable): number {
  if (isConflict(error) || isUnknownStatement(error) || (changesTable && isInterrupted(error))) return 4;
  if (isLockTimeout(error)) return 1;
  return harmless && isBroken(error) ? 2 : 0;
}

/**
 * A pool that repeats statements: one that met a conflict outside of a transaction was rolled back whole. On a cluster any
 * statement may meet one, when another node changed the same row; and a read whose server is gone is sent to the next one.
 */
export function forCluster<P extends Pool>(pool: P): P {
  const query = (...sent: Parameters<Pool["query"]>) =>
    repeat(() => pool.query(...sent), { harmless: isRead(sent[0]) });
  const execute = (...sent: Parameters<Pool["execute"]>) =>
    repeat(() => pool.execute(...sent), { harmless: isRead(sent[0]) });
  // A copy, not an object derived from the pool: JavaScriptCore is slow with a prototype that each request makes anew.
  const beside = Object.assign(Object.create(Object.getPrototypeOf(pool)) as P, pool);
  return Object.assign(beside, { query, execute } as Pick<Pool, "query" | "execute">);
}

const isRead = (sent: string | { sql: string }): boolean =>
  /^\s*\(?\s*select\b/i.test(typeof sent === "string" ? sent : sent.sql);
