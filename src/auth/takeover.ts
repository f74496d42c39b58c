import type { Connection } from "mysql2/promise";
import { describeSeedTables, findRepeatedNames, type RepeatedName, type SeedTable } from "../db/adopt.ts";
import { alembicVersion, countRevoked, hashPages, type RevokedCounts } from "../db/takeover.ts";
import { hashMethod, parseHash } from "./storedHash.ts";

/** What a database of the seed's service holds, as far as taking it over is concerned. */
export interface TakeoverReport {
  tables: SeedTable[];
  alembicVersion: string | null;
  users: number;
  /** How many hashes of each scheme and price. */
  hashes: Record<string, number>;
  /** Hashes that no login can pass: why, how many, and the first of their users' ids. */
  faultyHashes: Record<string, { count: number; ids: number[] }>;
  repeatedUsernames: RepeatedName[];
  revoked: RevokedCounts;
  /** What stops `db:migrate`; empty: nothing does. */
  obstacles: string[];
}

const NEEDED = {
  user: ["id", "username", "pwd", "salt", "created_at", "updated_at"],
  revoked_tokens: ["id", "jti"],
};

/**
 * Looks through a database and changes nothing: the session is made read-only.
 * @throws a database error if it cannot be read
 */
export async function inspectTakeover(connection: Connection): Promise<TakeoverReport> {
  await connection.query("SET SESSION TRANSACTION READ ONLY");
  const tables = await describeSeedTables(connection);
  const obstacles = [...missingParts(tables, "user"), ...missingParts(tables, "revoked_tokens")];
  const has = (name: keyof typeof NEEDED) => missingParts(tables, name).length === 0;
  const report: TakeoverReport = {
    tables,
    alembicVersion: await alembicVersion(connection),
    users: 0,
    hashes: {},
    faultyHashes: {},
    repeatedUsernames: has("user") ? await findRepeatedNames(connection) : [],
    revoked: has("revoked_tokens") ? await countRevoked(connection) : { rows: 0, withoutJti: 0, repeated: 0 },
    obstacles,
  };
  if (has("user")) await countHashes(connection, report);
  if (report.repeatedUsernames.length > 0)
    obstacles.push(`${report.repeatedUsernames.length} username(s) repeat under utf8mb4_unicode_ci`);
  return report;
}

/** What a table lacks, or that it is not there. */
function missingParts(tables: SeedTable[], name: keyof typeof NEEDED): string[] {
  const table = tables.find((found) => found.name === name);
  if (!table) return [`there is no table ${name}`];
  const present = table.columns.map((column) => column.name);
  return NEEDED[name]
    .filter((column) => !present.includes(column))
    .map((column) => `table ${name} has no column ${column}`);
}

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
