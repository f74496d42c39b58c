import type { Connection, RowDataPacket } from "mysql2/promise";

/** What the seed's blocklist holds. */
export interface RevokedCounts {
  rows: number;
  withoutJti: number;
  repeated: number;
}

/** All users' hashes, by pages of the primary key: a large table must not be held in memory. */
export async function* hashPages(
  connection: Connection,
): AsyncGenerator<{ id: number; pwd: string | null }[]> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const [rows] = await connection.query<(RowDataPacket & { id: number; pwd: string | null })[]>(
      "SELECT id, CONVERT(pwd USING utf8mb4) AS pwd FROM user WHERE id > ? ORDER BY id LIMIT 5000",
      [after],
    );
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    after = last.id;
  }
}

/** Counts the blocklist's rows. */
export async function countRevoked(connection: Connection): Promise<RevokedCounts> {
  const [[row]] = await connection.query<RowDataPacket[]>(
    "SELECT COUNT(*) AS total, COUNT(jti) AS named, COUNT(DISTINCT jti) AS distinct_jtis FROM revoked_tokens",
  );
  const [total, named, distinct] = [Number(row?.total), Number(row?.named), Number(row?.distinct_jtis)];
  return { rows: total, withoutJti: total - named, repeated: named - distinct };
}

/** Where the seed's own migration tool stands, or null. */
export async function alembicVersion(connection: Connection): Promise<string | null> {
  const [tables] = await connection.query<RowDataPacket[]>("SHOW TABLES LIKE 'alembic\\_version'");
  if (tables.length === 0) return null;
  const [[row]] = await connection.query<RowDataPacket[]>(
    "SELECT version_num AS version FROM alembic_version",
  );
  return row?.version ?? null;
}
