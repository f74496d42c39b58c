import type { Connection, RowDataPacket } from "mysql2/promise";
import { changeTables, type Report } from "./changeTables.ts";
import { findObstacles } from "./obstacles.ts";
import { describeRepeated, findRepeatedNames, type RepeatedName } from "./repeatedNames.ts";
import { COLLATION, foreignTexts, SEED_TABLES, type Table } from "./tables.ts";

/** Stops a migration before it has changed anything: a person has to decide what becomes of what is there. */
export class NotAdoptable extends Error {
  override readonly name = "NotAdoptable";
  constructor(obstacles: string[], repeated: RepeatedName[]) {
    const names = repeated.slice(0, 50).map((one) => `\n    ${describeRepeated(one)}`);
    const more = repeated.length > names.length ? `\n    … and ${repeated.length - names.length} more` : "";
    const all = repeated.length
      ? [
          ...obstacles,
          `${repeated.length} username(s) are used by more than one account:${names.join("")}${more}`,
        ]
      : obstacles;
    super(
      `nothing was changed, since this is in the way:\n${all.map((one) => `  - ${one}`).join("\n")}\n` +
        (repeated.length ? RENAME : "") +
        'docs/takeover.md has more, under "If something is in the way". Then run this again.',
    );
  }
}

const RENAME =
  "Names that differ only in case, accents or trailing spaces are one name here, as they were at login there: only the\n" +
  "account with the lowest id could ever log in. Rename or delete the others, for example\n" +
  "  UPDATE user SET username = CONCAT(username, '-', id) WHERE id = <id>;\n";

/**
 * Makes a database of the seed's service fit for the migrations: InnoDB, and one collation for the columns of text that the
 * seed made. An operator's own columns stay as they are. Does nothing on a database that is empty or fit already. Flask may
 * go on using the tables meanwhile.
 * @throws NotAdoptable before anything is changed
 */
export async function adoptSeedTables(connection: Connection, report: Report): Promise<void> {
  const { tables, obstacles } = await findObstacles(connection);
  const repeated = await findRepeatedNames(connection, tables);
  if (obstacles.length > 0 || repeated.length > 0) throw new NotAdoptable(obstacles, repeated);
  for (const table of tables.filter(({ name }) => SEED_TABLES.includes(name))) {
    const changes = await changesOf(connection, table);
    if (changes.length > 0)
      await changeTables(connection, `ALTER TABLE \`${table.name}\` ${changes.join(", ")}`, report);
  }
}

/** What `ALTER TABLE` has to do. The table's own collation is that of columns which a migration will add or widen. */
async function changesOf(connection: Connection, table: Table): Promise<string[]> {
  const foreign = foreignTexts(table);
  const changes: string[] = [];
  if (table.engine !== "InnoDB") changes.push("ENGINE=InnoDB, ROW_FORMAT=DYNAMIC"); // MyISAM's FIXED is none of InnoDB's
  if (foreign.length > 0) {
    const [[row]] = await connection.query<RowDataPacket[]>(`SHOW CREATE TABLE \`${table.name}\``);
    const text = String(row?.["Create Table"]);
    changes.push(...foreign.map(({ name }) => `MODIFY ${inCollation(text, name)}`));
  }
  if (foreign.length > 0 || table.collation !== COLLATION)
    changes.push(`DEFAULT CHARACTER SET utf8mb4 COLLATE ${COLLATION}`);
  return changes;
}

/**
 * A column's definition in another collation, and else as it is: nullability, default, comment and checks. It is the
 * server's own text, since information_schema lacks some of it, and has a default that is no literal in another spelling.
 */
function inCollation(createTable: string, column: string): string {
  const line = new RegExp(
    `\\n\\s*(\`?${column}\`? \\w+(?:\\(\\d+\\))?(?: /\\*M?!\\d+ [^*]*\\*/)?)(?: CHARACTER SET \\w+)?(?: COLLATE \\w+)?([^\\n]*?),?\\n`,
    "i",
  );
  const [, before, behind] = line.exec(createTable) ?? [];
  if (before === undefined) throw new Error(`the definition of column ${column} could not be read`);
  return `${before} CHARACTER SET utf8mb4 COLLATE ${COLLATION}${behind}`;
}
