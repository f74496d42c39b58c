import type { Database } from "./connection.ts";
import { isConflict } from "./failures.ts";

/**
 * Runs statements that are stored together or not at all. When the server rolled them back for a deadlock they are
 * run again, twice at the most.
 * @throws what `work` or the database throws
 */
export async function inTransaction<T>(
  db: Database,
  work: (tx: Database) => Promise<T>,
  retries = 2,
): Promise<T> {
  try {
    return await db.transaction((tx) => work(tx as unknown as Database));
  } catch (error) {
    if (retries === 0 || !isConflict(error)) throw error;
    return inTransaction(db, work, retries - 1);
  }
}
