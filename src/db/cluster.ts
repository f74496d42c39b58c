import type { Pool } from "mysql2/promise";
import { isBroken, isConflict, isInterrupted, isLockTimeout, isUnknownStatement } from "./failures.ts";

/** What is known of work that may have to be run again. */
interface Repeatable {
  /** It may be done twice. */
  harmless?: boolean;
  /**
   * It changes a table, and may be done twice. On a cluster the tables are changed everywhere at once, in one order, and what
   * comes first stops another one (1317).
   */
  changesTable?: boolean;
}

/**
 * Runs something again when it may be: what the server rolled back for a conflict, or because it waited for a lock too
 * long, was not done, nor what it did not know. What was lost with its connection may have been, and is run again only if
 * that does no harm.
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

/** How often: a wait for a lock has used up much of a request's time already, and a connection leads to one of few servers. */
function repetitions(error: unknown, { harmless, changesTable }: Repeatable): number {
  if (isConflict(error) || isUnknownStatement(error) || (changesTable && isInterrupted(error))) return 4;
  if (isLockTimeout(error)) return 1;
  return harmless && isBroken(error) ? 2 : 0;
}

/**
 * A pool that repeats statements: outside of a transaction one that met a conflict was rolled back whole. On a cluster any
 * may meet one, when another node changed the same row, and a read is asked of the next server when its own is gone.
 */
export function forCluster<P extends Pool>(pool: P): P {
  const query = (...sent: Parameters<Pool["query"]>) =>
    repeat(() => pool.query(...sent), { harmless: isRead(sent[0]) });
  const execute = (...sent: Parameters<Pool["execute"]>) =>
    repeat(() => pool.execute(...sent), { harmless: isRead(sent[0]) });
  // Beside the pool, not behind it: what is made anew for each request is slow as a prototype (JavaScriptCore).
  const beside = Object.assign(Object.create(Object.getPrototypeOf(pool)) as P, pool);
  return Object.assign(beside, { query, execute } as Pick<Pool, "query" | "execute">);
}

const isRead = (sent: string | { sql: string }): boolean =>
  /^\s*\(?\s*select\b/i.test(typeof sent === "string" ? sent : sent.sql);
