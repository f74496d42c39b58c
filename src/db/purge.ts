import { and, asc, inArray, lt } from "drizzle-orm";
import type { MySqlColumn } from "drizzle-orm/mysql-core";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import type { Pool, RowDataPacket } from "mysql2/promise";
import { repeat } from "./cluster.ts";
import type { Database } from "./connection.ts";
import { lockName } from "./locks.ts";
import { attempts, revokedTokens, sessions } from "./schema.ts";

/** Rows a statement deletes: few enough to hold their locks for a moment only. */
const BATCH = 500;

/** Kept for a while past their end, since the clocks of instances differ, in seconds. */
const MARGIN_SECONDS = 60;

/**
 * Deletes revoked tokens, sessions and counts of attempts that have run out. One instance works at a time; the others return at once.
 * Ids are read first and then deleted by primary key, so no range of a secondary index is locked.
 * @param stopped asked after each batch; what is left then is for the next purge
 * @returns rows deleted, or null if another instance is at it
 */
export async function purgeExpired(
  pool: Pool,
  nowSeconds: number,
  stopped: () => boolean = () => false,
): Promise<number | null> {
  const connection = await pool.getConnection();
  try {
    const lock = lockName("purge");
    const [[row]] = await connection.query<RowDataPacket[]>(`SELECT GET_LOCK(${lock}, 0) AS got`);
    if (row?.got !== 1) return null;
    try {
      const db: MySql2Database = drizzle({ client: connection });
      const before = nowSeconds - MARGIN_SECONDS;
      let deleted = await purgeTable(db, revokedTokens, revokedTokens.id, before, stopped);
      deleted += await purgeTable(db, sessions, sessions.id, before, stopped);
      deleted += await purgeTable(db, attempts, attempts.bucket, before, stopped);
      return deleted;
    } finally {
      await connection.query(`SELECT RELEASE_LOCK(${lock})`).catch(() => connection.destroy());
    }
  } finally {
    connection.release();
  }
}

async function purgeTable(
  db: Database,
  table: typeof revokedTokens | typeof sessions | typeof attempts,
  key: MySqlColumn,
  before: number,
  stopped: () => boolean,
): Promise<number> {
  let deleted = 0;
  while (!stopped()) {
    const expired = await db
      .select({ key })
      .from(table)
      .where(lt(table.expiresAt, before))
      .orderBy(asc(table.expiresAt))
      .limit(BATCH);
    if (expired.length === 0) break;
    const keys = expired.map((row) => row.key);
    // One of them may have begun anew since it was read, as a count of attempts does.
    const stillExpired = and(inArray(key, keys), lt(table.expiresAt, before));
    const [result] = await repeat(async () => db.delete(table).where(stillExpired));
    deleted += result.affectedRows;
    if (expired.length < BATCH) break;
  }
  return deleted;
}

/** The database's clock, epoch seconds. */
export async function databaseSeconds(pool: Pool): Promise<number> {
  const [[row]] = await pool.query<RowDataPacket[]>("SELECT UNIX_TIMESTAMP() AS now");
  return Number(row?.now);
}

/** The last id of the seed's `int`. */
const LAST_ID = 2_147_483_647;

/** The share of the blocklist's ids that are used, 0 to 1: purging gives none back. 0 once the column was made wider. */
export async function blocklistIdsUsed(pool: Pool): Promise<number> {
  const [[row]] = await pool.query<RowDataPacket[]>(
    `SELECT MAX(id) AS last FROM revoked_tokens HAVING EXISTS (SELECT 1 FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'revoked_tokens' AND COLUMN_NAME = 'id'
       AND DATA_TYPE = 'int' AND COLUMN_TYPE NOT LIKE '%unsigned%')`,
  );
  return (row?.last ?? 0) / LAST_ID;
}
