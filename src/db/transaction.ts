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
  return repeat(
    async () => {
      return await db.transaction((tx) => work(tx as unknown as Database));
    },
    { harmless },
  );
}
