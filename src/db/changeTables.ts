import type { Connection } from "mysql2/promise";
import { repeat } from "./cluster.ts";
import { isLockTimeout } from "./failures.ts";

/** Takes a line of progress for a person. */
export type Report = (line: string) => void;

/**
 * Of the connection that changes tables: how long it waits for one that an open transaction has read. Everybody who asks for
 * that table waits behind it meanwhile, and bears a second (`TIME_LIMITS` in connection.ts, and a repetition).
 */
export const SHORT_WAIT = "SET SESSION lock_wait_timeout = 1";
/** From one try to the next, in ms: in between, the others are served. */
const PAUSE_MS = 3_000;
/** So long it pauses in all, in ms. What the statement itself takes does not count: a large index may take hours. */
const PATIENCE_MS = 600_000;

/**
 * Sends a statement that changes tables, again and again while a transaction holds one of them.
 * @throws Error that says so, after ten minutes; any other error of the database at once, with the statement in it
 */
export async function changeTables(connection: Connection, text: string, report: Report): Promise<void> {
  try {
    await repeat(() => patiently(() => connection.query(text), report), { changesTable: true });
  } catch (error) {
    throw error instanceof Error ? Object.assign(error, { tableChange: text }) : error;
  }
}

/** The beginning of the statement that failed to change tables, in one line; undefined for other errors. */
export function failedChange(error: unknown): string | undefined {
  const { tableChange } = error as { tableChange?: unknown };
  if (typeof tableChange !== "string") return undefined;
  const text = tableChange.replace(/^\s*--.*$/gm, "").replace(/[\s\p{Cc}]+/gu, " ");
  return text.trim().slice(0, 160);
}

async function patiently<T>(work: () => Promise<T>, report: Report): Promise<T> {
  for (let paused = 0; ; paused += PAUSE_MS) {
    try {
      return await work();
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (paused >= PATIENCE_MS)
        throw new Error("a transaction holds a table that is to be changed: end it, and run this again");
    }
    report("a transaction holds a table that is to be changed: waiting for its end");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
