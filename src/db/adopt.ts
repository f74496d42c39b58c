import type { Connection, RowDataPacket } from "mysql2/promise";
import { changeTables, type Report } from "./changeTables.ts";

/** The collation of every text column of ours, and of the seed's: nothing finer tells its users apart. */
const COLLATION = "utf8mb4_unicode_ci";
const SEED_TABLES = ["user", "revoked_tokens"];

/** Names that are one name to the collation, with the ids of the rows that have them. */
export interface RepeatedName {
  ids: number[];
  names: string[];
}

/** A repeated name as one line: quoted, and without the control characters that JSON does not escape. */
export const describeRepeated = ({ ids, names }: RepeatedName): string => {
  const quoted = names.map((name) => JSON.stringify(name).replace(/\p{Cc}/gu, "\u{FFFD}"));
  return `ids ${ids.join(", ")}: ${quoted.join(", ")}`;
};

/** Stops a migration before it has changed anything: somebody has to decide which account keeps the name. */
export class RepeatedUsernames extends Error {
  override readonly name = "RepeatedUsernames";
  constructor(repeated: RepeatedName[]) {
    const shown = repeated.slice(0, 50).map((one) => `  - ${describeRepeated(one)}`);
    const more = repeated.length > shown.length ? `\n  … and ${repeated.length - shown.length} more` : "";
    super(
      `nothing was changed: ${repeated.length} username(s) are used by more than one account:\n${shown.join("\n")}${more}\n` +
        "Names that differ only in case, accents or trailing spaces are one name here, as they were at login there: only the\n" +
        "account with the lowest id could ever log in. Rename or delete the others, for example\n" +
        "  UPDATE user SET username = CONCAT(username, '-', id) WHERE id = <id>;\n" +
        "and run this again.",
    );
  }
}

/**
 * Makes a database of the seed's service fit for the migrations: InnoDB, and one collation for every text column.
 * Does nothing on a database that is empty or fit already. Flask may go on using the tables meanwhile.
 * @throws RepeatedUsernames before anything is changed
 */
export async function adoptSeedTables(connection: Connection, report: Report): Promise<void> {
  const tables = await describeSeedTables(connection);
  if (tables.some(({ name }) => name === "user")) {
    const repeated = await findRepeatedNames(connection);
    if (repeated.length > 0) throw new RepeatedUsernames(repeated);
  }
  for (const { name, engine, columns } of tables) {
    const foreign = columns.some(({ collation }) => collation !== null && collation !== COLLATION);
    if (engine === "InnoDB" && !foreign) continue;
    const text = `ALTER TABLE \`${name}\` ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE ${COLLATION}`;
    await changeTables(connection, text, report);
  }
}

/** Usernames that our unique index would refuse, by the collation they are going to have. */
export async function findRepeatedNames(connection: Connection): Promise<RepeatedName[]> {
  const name = `CONVERT(username USING utf8mb4) COLLATE ${COLLATION}`;
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT u.id AS id, u.username AS username, r.first AS first FROM user u
     JOIN (SELECT MIN(id) AS first, ${name} AS name FROM user GROUP BY ${name} HAVING COUNT(*) > 1) r
       ON r.name = CONVERT(u.username USING utf8mb4) COLLATE ${COLLATION} ORDER BY r.first, u.id`,
  );
  const groups = new Map<number, RepeatedName>();
  for (const { id, username, first } of rows) {
    const group = groups.get(first) ?? { ids: [], names: [] };
    group.ids.push(id);
    group.names.push(username);
    groups.set(first, group);
  }
  return [...groups.values()];
}

/** One of the seed's tables as it stands. */
export interface SeedTable {
  name: string;
  engine: string;
  columns: { name: string; type: string; collation: string | null }[];
}

/** Those of the seed's tables that the database has. */
export async function describeSeedTables(connection: Connection): Promise<SeedTable[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT t.TABLE_NAME AS tableName, t.ENGINE AS engine, c.COLUMN_NAME AS columnName, c.COLUMN_TYPE AS type,
            c.COLLATION_NAME AS collation
     FROM information_schema.TABLES t JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME)
     WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME IN (?) ORDER BY t.TABLE_NAME DESC, c.ORDINAL_POSITION`,
    [SEED_TABLES],
  );
  const tables = new Map<string, SeedTable>();
  for (const { tableName, engine, columnName, type, collation } of rows) {
    const table: SeedTable = tables.get(tableName) ?? { name: tableName, engine, columns: [] };
    table.columns.push({ name: columnName, type: String(type), collation });
    tables.set(tableName, table);
  }
  return [...tables.values()];
}
