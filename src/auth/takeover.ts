import type { Connection } from "mysql2/promise";
import { findObstacles } from "../db/obstacles.ts";
import { findRepeatedNames, type RepeatedName } from "../db/repeatedNames.ts";
import { hasColumns, SEED_TABLES, type Table } from "../db/tables.ts";
import { alembicVersion, countRevoked, hashPages, type RevokedCounts } from "../db/takeover.ts";
import { hashMethod, parseHash } from "./storedHash.ts";

/** What a database of the seed's service holds, as far as taking it over is concerned. */
export interface TakeoverReport {
  tables: SeedTable[];
  alembicVersion: string | null;
  users: number;
  /** How many hashes of each scheme and price. */
  hashes: Record<string, number>;
  /** Hashes that no login here can pass: why, how many, and the first of their users' ids. */
  faultyHashes: Record<string, { count: number; ids: number[] }>;
  repeatedUsernames: RepeatedName[];
  revoked: RevokedCounts;
  /** What stops `db:migrate`, or would be broken after it; empty: nothing. */
  obstacles: string[];
}

/** One of the seed's tables as it stands. */
export interface SeedTable {
  name: string;
  /** Null for a view. */
  engine: string | null;
  columns: { name: string; type: string; collation: string | null }[];
}

/**
 * Looks through a database and changes nothing: the session is made read-only.
 * @throws a database error if it cannot be read
 */
export async function inspectTakeover(connection: Connection): Promise<TakeoverReport> {
  await connection.query("SET SESSION TRANSACTION READ ONLY");
  const { tables, obstacles } = await findObstacles(connection);
  for (const name of SEED_TABLES)
    if (!tables.some((table) => table.name === name)) obstacles.push(`there is no table ${name}`);
  const report: TakeoverReport = {
    tables: tables.filter(({ name }) => SEED_TABLES.includes(name)).map(shown),
    alembicVersion: await alembicVersion(connection),
    users: 0,
    hashes: {},
    faultyHashes: {},
    repeatedUsernames: await findRepeatedNames(connection, tables),
    revoked: hasColumns(tables, "revoked_tokens", "jti")
      ? await countRevoked(connection)
      : { rows: 0, withoutJti: 0, repeated: 0 },
    obstacles,
  };
  if (hasColumns(tables, "user", "id", "pwd")) await countHashes(connection, report);
  if (report.repeatedUsernames.length > 0)
    obstacles.push(`${report.repeatedUsernames.length} username(s) repeat under utf8mb4_unicode_ci`);
  return report;
}

const shown = ({ name, engine, columns }: Table): SeedTable => ({
  name,
  engine,
  columns: columns.map(({ name, type, collation }) => ({ name, type, collation })),
});

async function countHashes(connection: Connection, report: TakeoverReport): Promise<void> {
  for await (const rows of hashPages(connection)) {
    for (const { id, pwd } of rows) {
      const method = hashMethod(pwd);
      report.hashes[method] = (report.hashes[method] ?? 0) + 1;
      const parsed = parseHash(pwd);
      if (typeof parsed !== "string") continue;
      report.faultyHashes[parsed] ??= { count: 0, ids: [] };
      const faulty = report.faultyHashes[parsed];
      if (faulty.count++ < 20) faulty.ids.push(id);
    }
    report.users += rows.length;
  }
}
