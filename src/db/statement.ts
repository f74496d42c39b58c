import type { SQL } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { databaseFailure, isUnknownStatement } from "./failures.ts";

/**
 * A statement that is written out, for Drizzle to send. What requests ask over and over is not built anew each time: for a small
 * statement that takes Drizzle as long as sending it.
 * @param text SQL with a `?` for each parameter; a list as a parameter is written out by the driver
 */
export function statement(text: string, ...params: unknown[]): SQL {
  const written = { toQuery: () => ({ sql: text, params }), getSQL: () => written };
  return written as unknown as SQL;
}

/** So many `?`, for a list of a statement that is prepared. */
export const marks = (count: number): string => Array(count).fill("?").join(", ");

/**
 * Server errors that only prepared statements meet: this one cannot be prepared, there is no room for more
 * (`max_prepared_stmt_count`, for all clients), or its tables changed too often.
 */
const NOT_PREPARED = new Set([1295, 1461, 1615]);

/**
 * Whether a statement is to be sent as text instead. One that the server does not know (a proxy switched servers) has cost its
 * connection and was repeated on others; within a transaction that is not possible, and the caller begins anew.
 */
const asksForText = (db: Database, error: unknown): boolean =>
  NOT_PREPARED.has(databaseFailure(error)?.errno ?? 0) ||
  (isUnknownStatement(error) && db.$client?.getConnection !== undefined);

/**
 * Sends a statement that the server keeps ready on each connection, and so parses once. There must be few such texts
 * (`maxPreparedStatements`). What cannot be prepared is sent as text.
 * @param text SQL with a `?` for each parameter. None may be a list, nor stand in LIMIT: numbers are sent as DOUBLE unless the
 * server says that it wants integers, and TiDB takes no DOUBLE there
 * @returns the rows, or the driver's header of a change
 */
export async function prepared<Result>(
  db: Database,
  text: string,
  params: (string | number | null)[],
): Promise<Result> {
  const asText = () => db.execute(statement(text, ...params));
  const sent = db.$client?.execute(text, params).catch((error) => {
    if (asksForText(db, error)) return asText();
    throw Object.assign(error, { query: text }); // for the log, as Drizzle has it
  });
  const [result] = await (sent ?? asText());
  return result as Result;
}

/** The same for a change. @returns how many rows it changed */
export const changePrepared = async (...sent: Parameters<typeof prepared>): Promise<number> =>
  (await prepared<{ affectedRows: number }>(...sent)).affectedRows;
