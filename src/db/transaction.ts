import { drizzle } from "drizzle-orm/mysql2";
import { repeat } from "./cluster.ts";
import type { Database } from "./connection.ts";

/**
 * Runs statements that are stored together or not at all. When the server rolled them back for a conflict they are
 * run again.
 * @param harmless that they may be stored twice: then they are run again also when nobody knows whether they were
 * @throws what `work` or the database throws
 */
export function inTransaction<T>(
  db: Database,
  work: (tx: Database) => Promise<T>,
  { harmless = false } = {},
): Promise<T> {
  return repeat(() => together(db, work), { harmless });
}

/** Drizzle's own transactions do not give out their connection, so that no statement could be prepared on it. */
async function together<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  const connection = await db.$client?.getConnection?.();
  if (!connection) throw new TypeError("a transaction takes a pool, and is not begun within another one");
  try {
    await connection.query("BEGIN");
    const result = await work(drizzle({ client: connection }));
    await connection.query("COMMIT");
    return result;
  } catch (error) {
    await connection.query("ROLLBACK").catch(() => {}); // where that fails, the connection is dropped (timeLimit.ts)
    throw error;
  } finally {
    connection.release();
  }
}
