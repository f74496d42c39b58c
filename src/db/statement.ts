import type { SQL } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { databaseFailure } from "./failures.ts";

/**
 * A statement that is written out, for Drizzle to send. What requests ask over and over is not put together anew each time:
 * for a small statement that takes Drizzle as long as sending it.
 * @param text SQL with a `?` for each parameter; a list as a parameter is written out by the driver
 */
export function statement(text: string, ...params: unknown[]): SQL {
  const written = { toQuery: () => ({ sql: text, params }), getSQL: () => written };
  return written as unknown as SQL;
}

/** The server keeps no more statements ready than `max_prepared_stmt_count`, for all of its clients. */
const TOO_MANY_PREPARED = 1461;

/**
 * Asks with a statement that the server keeps ready on each connection, and so parses once. There must be few such texts. What
 * cannot be prepared is sent as text.
 * @param text SQL with a `?` for each parameter, of which none is a list
 */
export async function askPrepared<Row>(db: Database, text: string, params: string[]): Promise<Row[]> {
  const asText = () => db.execute(statement(text, ...params));
  const prepared = db.$client?.execute(text, params).catch((error) => {
    if (databaseFailure(error)?.errno !== TOO_MANY_PREPARED) throw error;
    return asText();
  });
  const [rows] = await (prepared ?? asText());
  return rows as unknown as Row[];
}

/** Rows a statement changed, whichever way Drizzle hands the driver's header on. */
export const affectedRows = ([result]: unknown[]): number =>
  (result as { affectedRows: number }).affectedRows;
