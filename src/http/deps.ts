import type { Context } from "hono";
import type { Client } from "../auth/client.ts";
import type { AuthContext, Log } from "../auth/context.ts";
import type { Keyring } from "../auth/keys.ts";
import type { Passwords } from "../auth/passwords.ts";
import type { Claims } from "../auth/tokens.ts";
import type { Config } from "../config.ts";
import type { Database } from "../db/connection.ts";
import type { TokenOwner } from "../db/tokens.ts";

/** Everything the app needs, handed in by an entry (or a test). */
export interface Deps {
  config: Config;
  /** How to reach the database for this request. */
  database: (c: Context) => Database;
  passwords: Passwords;
  keyring: Keyring;
  /** The client's address as the platform knows it, or null. */
  clientAddress: (c: Context) => string | null;
  /** Epoch milliseconds. */
  clock: () => number;
  log: Log;
  /** True once the process no longer wants new work. */
  draining: () => boolean;
  /** The files of the page at `/docs`, read when they are first asked for; it needs a runtime that can. */
  docs?: () => Promise<DocsFiles>;
}

/** Files to be served, by name, each with its media type. */
export type DocsFiles = Record<string, { type: string; body: () => Blob | string }>;

/** What requests carry along. */
export interface AppEnv {
  Variables: {
    requestId: string;
    clientAddress: string | null;
    /** Set by `authenticate`: the claims of a token whose signature and times are good. */
    claims: Claims;
    /** Set by `blocklist`: whose token it is, once the database has said that it stands. */
    owner: TokenOwner;
    /** The code of the failure answered with, for the log. */
    failureCode: string;
  };
}

/** Who asks, for the session list. */
export const clientOf = (c: Context<AppEnv>): Client => ({
  userAgent: c.req.header("User-Agent") ?? null,
  address: c.var.clientAddress,
});

/** The verbs' view of a request. */
export function authContext(deps: Deps, c: Context): AuthContext {
  const { config, passwords, keyring, clock, log } = deps;
  return { config, passwords, keyring, clock, log, db: deps.database(c) };
}
