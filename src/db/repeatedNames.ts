import type { Connection, RowDataPacket } from "mysql2/promise";
import { COLLATION, hasColumns, plain, type Table } from "./tables.ts";

/** Names that are one name to the collation, with the ids of the rows that have them. */
export interface RepeatedName {
  ids: number[];
  names: string[];
}

/** A repeated name as one line: quoted, and without the control characters that JSON does not escape. */
export const describeRepeated = ({ ids, names }: RepeatedName): string =>
  `ids ${ids.join(", ")}: ${names.map((name) => plain(JSON.stringify(name))).join(", ")}`;

/** Usernames that our unique index would refuse, by the collation they are going to have. */
export async function findRepeatedNames(connection: Connection, tables: Table[]): Promise<RepeatedName[]> {
  if (!hasColumns(tables, "user", "id", "username")) return [];
  const asOurs = (name: string) => `CONVERT(${name} USING utf8mb4) COLLATE ${COLLATION}`;
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT u.id AS id, ${asOurs("u.username")} AS username, r.first AS first FROM user u
     JOIN (SELECT MIN(id) AS first, ${asOurs("username")} AS name
           FROM user GROUP BY ${asOurs("username")} HAVING COUNT(*) > 1) r
       ON r.name = ${asOurs("u.username")} ORDER BY r.first, u.id`,
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
