import type { Connection, RowDataPacket } from "mysql2/promise";
import { databaseFailure } from "./failures.ts";

/** Makes the table where Drizzle notes which migrations were applied. */
export const NOTES =
  "CREATE TABLE IF NOT EXISTS `__drizzle_migrations` (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)";

/** The migrations that are noted there, by the `when` of drizzle/meta/_journal.json; none where there is no such table. */
export async function notedMigrations(connection: Connection): Promise<Set<number>> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>("SELECT created_at FROM `__drizzle_migrations`");
    return new Set(rows.map(({ created_at }) => Number(created_at)));
  } catch (error) {
    if (databaseFailure(error)?.errno !== 1146) throw error;
    return new Set();
  }
}
