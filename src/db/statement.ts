import type { SQL } from "drizzle-orm";

/**
 * A statement that is written out, for Drizzle to send. What requests ask over and over is not put together anew each time:
 * for a small statement that takes Drizzle as long as sending it.
 * @param text SQL with a `?` for each parameter; a list as a parameter is written out by the driver
 */
export function statement(text: string, ...params: unknown[]): SQL {
  const written = { toQuery: () => ({ sql: text, params }), getSQL: () => written };
  return written as unknown as SQL;
}

/** Rows a statement changed, whichever way Drizzle hands the driver's header on. */
export const affectedRows = ([result]: unknown[]): number =>
  (result as { affectedRows: number }).affectedRows;
