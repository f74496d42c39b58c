import type { Context } from "hono";
import type { AttemptMemory } from "../auth/attemptMemory.ts";
import type { Client } from "../auth/client.ts";
import type { AuthContext, Log, SharedQuestions } from "../auth/context.ts";
import type { Keyring } from "../auth/keys.ts";
import type { ThrottleKind } from "../auth/observers.ts";
import type { Passwords } from "../auth/passwords.ts";
import type { Claims } from "../auth/tokens.ts";
import type { Config } from "../config.ts";
import type { Database } from "../db/connection.ts";
import { type Allowance, requestAllowance } from "../db/timeLimit.ts";
import type { TokenOwner } from "../db/tokens.ts";
import type { ErrorCode } from "../errors.ts";

/** A request that was answered, as metrics count it: in terms that have few values each. */
export interface AnsweredRequest {
  method: string;
  /** The route's pattern, or `unmatched`. */
  route: string;
  status: number;
  /** The failure's code in the catalogue, if it was one. */
  code: string | undefined;
}

/** Who counts, if anybody does. */
export interface Metrics {
  onRequest(request: AnsweredRequest, seconds: number): void;
  onThrottled(kind: ThrottleKind): void;
  /** Answers `GET /metrics`; absent if that is served elsewhere. */
  print?: (() => Promise<Response>) | undefined;
}

/** Everything the app needs, handed in by an entry (or a test). */
export interface Deps {
  config: Config;
  /**
   * How to reach the database for this request. With an allowance, all it asks has that limit of time in common; without one
   * there is none in common, and requests that can share a pool get the same database.
   */
  database: (c: Context, allowance?: Allowance) => Database;
  /** Told of reading that goes on after the answer has begun, in a runtime that closes a request's connection then. */
  hold?: (c: Context, reading: Promise<void>) => void;
  /** Rows of a long list's pages, where a page's work must not hold up others as long as it may on Bun. */
  listPageRows?: number;
  passwords: Passwords;
  keyring: Keyring;
  attempts: AttemptMemory;
  /** The other end of the connection as the platform knows it, or null. */
  clientAddress: (c: Context) => string | null;
  /** Epoch milliseconds. */
  clock: () => number;
  log: Log;
  /** True once the process no longer wants new work. */
  draining: () => boolean;
  /** The files of the page at `/docs`, read when they are first asked for; absent in a runtime that has no files. */
  docs?: () => Promise<DocsFiles>;
  metrics?: Metrics;
}

/** Files to be served, by name, each with its media type. */
export type DocsFiles = Record<string, { type: string; body: () => Blob | string }>;

/** What requests carry along. */
export interface AppEnv {
  Variables: {
    requestId: string;
    clientAddress: string | null;
    /** This and `database` are set when they are first asked for. */
    allowance: Allowance | undefined;
    database: Database | undefined;
    /** Set by `authenticate`: the claims of a token whose signature and times are good. */
    claims: Claims;
    /** Set by `blocklist`: whose token it is, once the database has said that it stands. */
    owner: TokenOwner;
    /** The code of the failure answered with, for the log. */
    failureCode: ErrorCode | undefined;
  };
}

/** Who asks, for the session list. */
export const clientOf = (c: Context<AppEnv>): Client => ({
  userAgent: c.req.header("User-Agent") ?? null,
  address: c.get("clientAddress"),
});

/** What a request may spend on the database in all. */
function allowanceOf(c: Context<AppEnv>): Allowance {
  const allowance = c.get("allowance") ?? requestAllowance();
  c.set("allowance", allowance);
  return allowance;
}

/** The request's database: all that it asks there has one limit of time. */
export function databaseOf(deps: Deps, c: Context<AppEnv>): Database {
  const database = c.get("database") ?? deps.database(c, allowanceOf(c));
  c.set("database", database);
  return database;
}

/** For questions that requests share. */
export const sharedQuestions = (deps: Deps, c: Context<AppEnv>): SharedQuestions => ({
  shared: deps.database(c),
  limited: (allowance) => deps.database(c, allowance),
  allowance: allowanceOf(c),
  clock: deps.clock,
});

/** The verbs' view of a request. */
export function authContext(deps: Deps, c: Context<AppEnv>): AuthContext {
  const { config, passwords, keyring, attempts, log, metrics } = deps;
  const onThrottled = metrics?.onThrottled;
  const db = databaseOf(deps, c);
  return { config, passwords, keyring, attempts, onThrottled, log, db, ...sharedQuestions(deps, c) };
}
