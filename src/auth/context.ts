import type { Config } from "../config.ts";
import type { Database } from "../db/connection.ts";
import type { SharedDatabase } from "../db/sharing.ts";
import type { AttemptMemory } from "./attemptMemory.ts";
import type { Keyring } from "./keys.ts";
import type { ThrottleKind } from "./observers.ts";
import type { Passwords } from "./passwords.ts";

/**
 * Fields a log line may have: codes and counts, never what a client or the database said. None is named as what every line has:
 * `level`, `time`, `pid`, `msg`.
 */
export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** Where log lines go. */
export interface Log {
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** What it takes to ask what requests share. */
export interface SharedQuestions extends SharedDatabase {
  /** Epoch milliseconds. */
  clock: () => number;
}

/** What a verb of this folder works with: handed in, so that tests can hand in others. */
export interface AuthContext extends SharedQuestions {
  config: Config;
  /** The request's own: all that is asked there has one limit of time. */
  db: Database;
  passwords: Passwords;
  keyring: Keyring;
  /** Counts of failed logins and the like, for this process; the database has those of all. */
  attempts: AttemptMemory;
  log: Log;
  /** Counts an attempt that was refused with `too_many_attempts`. */
  onThrottled?: ((kind: ThrottleKind) => void) | undefined;
}

/** The current time in the unit of JWT claims (RFC 7519 section 2, NumericDate). */
export const nowSeconds = (context: Pick<AuthContext, "clock">): number => Math.floor(context.clock() / 1000);
