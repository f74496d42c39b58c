import type { Connection, RowDataPacket } from "mysql2/promise";
import { foreignTexts, plain, type Table } from "./tables.ts";

/** Columns whose collation has to change and cannot: a foreign key, or a full-text index, ties it to that of others. */
export async function boundTexts(connection: Connection, tables: Table[]): Promise<string[]> {
  const obstacles: string[] = [];
  for (const table of tables) {
    for (const { name: column } of foreignTexts(table)) {
      const ties = [
        ...(await foreignKeys(connection, table.name, column)),
        ...(await fullTexts(connection, table.name, column)),
      ];
      for (const tie of ties)
        obstacles.push(`the collation of ${table.name}.${column} has to change, which ${tie} does not allow`);
    }
  }
  return obstacles;
}

async function foreignKeys(connection: Connection, table: string, column: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT CONSTRAINT_NAME AS keyName, TABLE_NAME AS tableName FROM information_schema.KEY_COLUMN_USAGE
     WHERE REFERENCED_TABLE_NAME IS NOT NULL
       AND (TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?
         OR REFERENCED_TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME = ? AND REFERENCED_COLUMN_NAME = ?)`,
    [table, column, table, column],
  );
  return rows.map(({ keyName, tableName }) => `foreign key ${plain(keyName)} of table ${plain(tableName)}`);
}

/** Full-text indexes that have other columns too: all of one have one collation. */
async function fullTexts(connection: Connection, table: string, column: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT INDEX_NAME AS indexName FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND INDEX_TYPE = 'FULLTEXT'
     GROUP BY INDEX_NAME HAVING COUNT(*) > 1 AND SUM(COLUMN_NAME = ?) > 0`,
    [table, column],
  );
  return rows.map(({ indexName }) => `full-text index ${plain(indexName)}`);
}
