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

/**
 * Server errors of statements that are kept ready, and of those only: it does not know this one (a proxy changed the server),
 * cannot keep it, has no room for more (`max_prepared_stmt_count`, for all clients), or its tables changed too often.
 */
const NOT_PREPARED = new Set([1243, 1295, 1461, 1615]);

/**
 * Asks with a statement that the server keeps ready on each connection, and so parses once. There must be few such texts. What
 * cannot be prepared is sent as text.
 * @param text SQL with a `?` for each parameter, of which none is a list
 */
export async function askPrepared<Row>(db: Database, text: string, params: string[]): Promise<Row[]> {
  const asText = () => db.execute(statement(text, ...params));
  const prepared = db.$client?.execute(text, params).catch((error) => {
    if (!NOT_PREPARED.has(databaseFailure(error)?.errno ?? 0)) throw error;
    return asText();
  });
  const [rows] = await (prepared ?? asText());
  return rows as unknown as Row[];
}

/** Rows a statement changed, whichever way Drizzle hands the driver's header on. */
export const affectedRows = ([result]: unknown[]): number =>
  (result as { affectedRows: number }).affectedRows;
