import { repeatOnConflict } from "./cluster.ts";
import type { Database } from "./connection.ts";

/**
 * Runs statements that are stored together or not at all. When the server rolled them back for a conflict they are
 * run again.
 * @throws what `work` or the database throws
 */
export function inTransaction<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  return repeatOnConflict(async () => {
    return await db.transaction((tx) => work(tx as unknown as Database));
  });
}
