import { getTableConfig, type MySqlColumn } from "drizzle-orm/mysql-core";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { boundTexts } from "./boundTexts.ts";
import { notedMigrations } from "./notes.ts";
import { attempts, revokedTokens, sessions, users } from "./schema.ts";
import { type Column, describeTables, hasColumns, plain, SEED_TABLES, type Table } from "./tables.ts";

/**
 * When the migration was written (`when` in drizzle/meta/_journal.json) that makes a table or adds a column to it. The seed's
 * two are ours from the one that gives them their indexes on.
 */
export const MADE_AT: Record<string, number> = {
  user: 1795376606979,
  revoked_tokens: 1795376606979,
  session: 1795376606979,
  "revoked_tokens.expires_at": 1795376606979,
  "user.tokens_valid_from": 1795379069637,
  "user.disabled_at": 1795379069637,
  attempt: 1795385585968,
  "user.logins": 1795692325277,
};
const ours = () => [users, revokedTokens, sessions, attempts].map((table) => getTableConfig(table));

/** Where another length than the schema's is enough: a migration widens `pwd`, and all who issue tokens use UUIDs. */
const LEAST: Record<string, number> = { "user.pwd": 0, "revoked_tokens.jti": 36 };
const INDEXED = ["user.username", "revoked_tokens.jti"];
/** Columns that we let the database fill. */
const LEFT_OUT = ["user.id", "revoked_tokens.id", "user.logins"];
const LAST_INT = 2_147_483_647;

/** Whether the migration that makes a part is noted as applied: a table, or `table.column`. */
type IsNoted = (part: string) => boolean;

/** Our tables in a database, and what keeps the migrations from them, or the service from working with them afterwards. */
export interface Examined {
  tables: Table[];
  obstacles: string[];
}

/**
 * Looks for what stands in the way of the migrations; changes nothing. Of what a migration that is noted as applied made it is
 * only asked whether it is there: what an operator has added since is no business of an upgrade.
 */
export async function findObstacles(connection: Connection): Promise<Examined> {
  const tables = await describeTables(connection);
  const noted = await notedMigrations(connection);
  const isNoted: IsNoted = (part) => noted.has(MADE_AT[part] ?? MADE_AT[part.split(".")[0] ?? ""] ?? 0);
  const obstacles = [...lostParts(tables, isNoted), ...tables.flatMap((table) => misfits(table, isNoted))];
  if (!isNoted("session")) obstacles.push(...(await idsBeyondInt(connection, tables)));
  obstacles.push(...(await boundTexts(connection, tables)));
  return { tables, obstacles };
}

/** An old dump was loaded over our tables, and what the noted migrations made is gone. */
function lostParts(tables: Table[], isNoted: IsNoted): string[] {
  const lost = ours().flatMap(({ name, columns }) => {
    const table = tables.find((found) => found.name === name);
    if (!table) return isNoted(name) ? [`table ${name}`] : [];
    return columns
      .map((column) => `${name}.${column.name}`)
      .filter((part) => isNoted(part) && !table.columns.some((found) => `${name}.${found.name}` === part));
  });
  if (lost.length === 0) return [];
  return [
    `the migrations are noted as applied, but what they made is not there: ${lost.join(", ")}. Was an old dump loaded? ` +
      'See docs/takeover.md, "Never run `flask db` again", "If it happened"',
  ];
}

/** What is wrong with a table that has a name of ours. */
function misfits(table: Table, isNoted: IsNoted): string[] {
  const { name, kind, columns } = table;
  const isOurs = isNoted(name);
  if (!isOurs && kind !== "BASE TABLE")
    return [`${name} has to be a plain table, and is: ${kind.toLowerCase()}`];
  if (!isOurs && table.partitioned) return [`${name} has to be a plain table, and is: partitioned`];
  const owned = ours().find((one) => one.name === name)?.columns ?? [];
  const found: string[] = [];
  for (const own of owned) {
    const part = `${name}.${own.name}`;
    const column = columns.find((one) => one.name === own.name);
    const wrong = column && !isNoted(part) && misfit(table, column, own);
    if (wrong) found.push(`column ${part} is ${plain(column.type)}${wrong}`);
    if (!column && !isOurs && MADE_AT[part] === undefined)
      found.push(`table ${name} has no column ${own.name}`);
  }
  const written = owned.map((own) => own.name).filter((own) => !LEFT_OUT.includes(`${name}.${own}`));
  for (const column of isOurs ? [] : columns)
    if (!column.optional && !written.includes(column.name))
      found.push(`column ${name}.${plain(column.name)} is NOT NULL without a default: no row could be added`);
  return found;
}

/** What is wrong with a column that has a name of ours, behind its type; undefined: nothing. */
function misfit(table: Table, column: Column, own: MySqlColumn): string | undefined {
  const part = `${table.name}.${column.name}`;
  const [, kind = "", length = "0"] = /^(\w+)(?:\((\d+)\))?/.exec(own.getSQLType()) ?? [];
  if (kind.endsWith("char")) {
    const least = LEAST[part] ?? Number(length);
    if (!/(char|text)$/.test(column.kind)) return ", which is no text";
    if (Number(column.length) < least) return `: it needs ${least} characters`;
    if (INDEXED.includes(part) && (!column.kind.endsWith("char") || Number(column.length) > table.indexable))
      return `: for its unique index it has to be varchar, of ${table.indexable} characters at most`;
  } else {
    const fits = { int: /int$/, bigint: /^bigint$/, datetime: /^(datetime|timestamp)$/ }[kind];
    if (!fits?.test(column.kind)) return `, and has to be ${kind}`;
  }
  if (own.primary && !column.unique) return ", and has to be the primary key";
  const isSeeds = SEED_TABLES.includes(table.name) && MADE_AT[part] === undefined;
  if (!isSeeds && column.nullable === own.notNull)
    return own.notNull ? " NULL, and has to be NOT NULL" : " NOT NULL, and has to be NULL";
}

/** Sessions name their user in an `int`, unless an operator has made that wider. */
async function idsBeyondInt(connection: Connection, tables: Table[]): Promise<string[]> {
  const session = tables.find(({ name }) => name === "session");
  const widened = session?.columns.some(({ name, kind }) => name === "user_id" && kind === "bigint");
  if (widened || !hasColumns(tables, "user", "id")) return [];
  const [[row]] = await connection.query<RowDataPacket[]>("SELECT MAX(id) AS highest FROM user");
  if (!(Number(row?.highest) > LAST_INT)) return [];
  return [`user ids go up to ${row?.highest}: column session.user_id will take ${LAST_INT} at most`];
}
