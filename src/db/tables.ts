import type { Connection, RowDataPacket } from "mysql2/promise";

/** The collation of every text column of the seed's, and nearly every one of ours: nothing finer tells its users apart. */
export const COLLATION = "utf8mb4_unicode_ci";
/** The columns of text that the seed's service made. */
const SEED_TEXTS: Record<string, string[]> = {
  user: ["username", "pwd", "salt"],
  revoked_tokens: ["jti"],
};
export const SEED_TABLES = Object.keys(SEED_TEXTS);
const NAMES = [...SEED_TABLES, "session", "attempt"];

/** A column as it stands. */
export interface Column {
  name: string;
  /** As it was declared: `varchar(40)`, and the word alone: `varchar`. */
  type: string;
  kind: string;
  /** In characters (of a TEXT in bytes); null for others than text. */
  length: number | null;
  nullable: boolean;
  /** A row can be added that does not name it. */
  optional: boolean;
  collation: string | null;
  /** The primary key, or a unique one. */
  unique: boolean;
}

/** A table, or what else is there under its name, as it stands. */
export interface Table {
  name: string;
  /** Null for a view. */
  engine: string | null;
  /** `BASE TABLE`, or what else it is. */
  kind: string;
  collation: string | null;
  /** Characters that a unique index takes of a column. */
  indexable: number;
  /** Its rows are spread by a column, which every unique index would have to name. */
  partitioned: boolean;
  columns: Column[];
}

/** Those of our tables, the seed's among them, that a database has. Another one's name may differ in case only. */
export async function describeTables(connection: Connection): Promise<Table[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT t.TABLE_NAME AS tableName, t.TABLE_TYPE AS tableType, t.ENGINE AS engine, t.ROW_FORMAT AS rowFormat,
            t.CREATE_OPTIONS AS tableOptions,
            t.TABLE_COLLATION AS tableCollation, c.*
     FROM information_schema.TABLES t LEFT JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME)
     WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_NAME IN (?) ORDER BY t.TABLE_NAME DESC, c.ORDINAL_POSITION`,
    [NAMES],
  );
  const tables = new Map<string, Table>();
  for (const row of rows.filter(({ tableName }) => NAMES.includes(tableName))) {
    const table = tables.get(row.tableName) ?? tableOf(row);
    tables.set(table.name, table);
    if (row.COLUMN_NAME !== null) table.columns.push(columnOf(row)); // a view of a table that is gone has none
  }
  return [...tables.values()];
}

const tableOf = (row: RowDataPacket): Table => ({
  name: row.tableName,
  engine: row.engine,
  kind: row.tableType,
  collation: row.tableCollation,
  partitioned: /partitioned/i.test(row.tableOptions ?? ""),
  indexable: /^(compact|redundant)$/i.test(row.rowFormat) ? 191 : 768, // 767 and 3072 bytes
  columns: [],
});

const columnOf = (row: RowDataPacket): Column => ({
  name: row.COLUMN_NAME.toLowerCase(), // in which no two of a table differ
  type: String(row.COLUMN_TYPE),
  kind: String(row.DATA_TYPE),
  length: row.CHARACTER_MAXIMUM_LENGTH === null ? null : Number(row.CHARACTER_MAXIMUM_LENGTH),
  nullable: row.IS_NULLABLE === "YES",
  optional:
    row.IS_NULLABLE === "YES" ||
    row.COLUMN_DEFAULT !== null ||
    /auto_increment|generated/i.test(row.EXTRA) ||
    String(row.DATA_TYPE) === "enum", // is its first value then
  collation: row.COLLATION_NAME,
  unique: /^(PRI|UNI)$/.test(row.COLUMN_KEY),
});

/** Columns of text that the seed made, with another collation than ours. */
export const foreignTexts = (table: Table): Column[] =>
  table.columns.filter(
    ({ name, collation }) =>
      SEED_TEXTS[table.name]?.includes(name) && collation !== null && collation !== COLLATION,
  );

/** Whether a table is there and has these columns. */
export function hasColumns(tables: Table[], table: string, ...columns: string[]): boolean {
  const found = tables.find(({ name }) => name === table)?.columns.map(({ name }) => name);
  return columns.every((column) => found?.includes(column));
}

/** A text of somebody else's, such as a column's name, without control characters. */
export const plain = (text: string): string => text.replace(/\p{Cc}/gu, "\u{FFFD}");
