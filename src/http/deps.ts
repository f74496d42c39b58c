import type { Context } from "hono";
import type { AttemptMemory } from "../auth/attemptMemory.ts";
import type { Client } from "../auth/client.ts";
import type { AuthContext, Log, ThrottleKind } from "../auth/context.ts";
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
  attempts: AttemptMemory;
  /** Told of each attempt that was refused for being one too many. */
  onThrottled?: (kind: ThrottleKind) => void;
  /** The other end of the connection as the platform knows it, or null. */
  clientAddress: (c: Context) => string | null;
  /** Epoch milliseconds. */
  clock: () => number;
  log: Log;
  /** True once the process no longer wants new work. */
  draining: () => boolean;
}

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
  const { config, passwords, keyring, attempts, onThrottled, clock, log } = deps;
  return { config, passwords, keyring, attempts, onThrottled, clock, log, db: deps.database(c) };
}
