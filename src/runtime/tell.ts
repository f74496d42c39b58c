import { ConfigError } from "../config.ts";
import { failedChange } from "../db/changeTables.ts";
import { databaseFailure } from "../db/failures.ts";

/** A line for the person at the terminal. Standard output is the log's. */
export const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** What to do about a driver's code, for those that a first start meets. */
const ADVICE: Record<string, string> = {
  ECONNREFUSED: "nothing listens there: is the database running, and are host and port right?",
  ENOENT: "there is no such socket: is the database running?",
  ENOTFOUND: "its host name is not known",
  ETIMEDOUT: "it did not answer in time: is a firewall in between?",
  ER_ACCESS_DENIED_ERROR: "it refused the user name or password",
  ER_4151: "this user's account is locked there", // MariaDB
  ER_ACCOUNT_HAS_BEEN_LOCKED: "this user's account is locked there",
  ER_MUST_CHANGE_PASSWORD: "this user's password has expired there",
  ER_MUST_CHANGE_PASSWORD_LOGIN: "this user's password has expired there",
  ER_SECURE_TRANSPORT_REQUIRED: "it takes connections by TLS only: set DATABASE_TLS",
  ER_SERVER_OFFLINE_MODE: "it is in offline mode",
  ER_LOCK_WAIT_TIMEOUT: "somebody else's transaction holds what was to be changed: try again",
  DATABASE_TIMEOUT: "it did not answer in time: try again",
  ER_DBACCESS_DENIED_ERROR: "this user may not use that database",
  ER_BAD_DB_ERROR: "that database does not exist: create it first",
  ER_TABLEACCESS_DENIED_ERROR: "this user lacks rights on its tables: README.md has those that it needs",
  ER_CON_COUNT_ERROR:
    "it has no connection left: a smaller DATABASE_POOL_SIZE, or a larger max_connections there",
  ER_HOST_NOT_PRIVILEGED: "it lets nobody in from this machine's address",
  ER_OPTION_PREVENTS_STATEMENT: "it is read only: is it a replica?",
  EHOSTUNREACH: "there is no way to that host: is the address right?",
  EACCES: "this process may not use that socket",
  HANDSHAKE_NO_SSL_SUPPORT: "the server offers no TLS",
  HANDSHAKE_SSL_ERROR:
    "TLS failed: has its certificate expired, does it name this host, is it of DATABASE_TLS_CA_FILE's authority?",
};

/** Why a start failed (or `what` else), without anything secret, and what to do. */
export function startFailure(error: unknown, what = "latchkey cannot start"): string {
  if (error instanceof ConfigError) return `${what}, ${error.message}`;
  const failure = databaseFailure(error);
  if (!failure) return `${what}: ${error instanceof Error ? error.message : "unknown error"}`;
  const advice = ADVICE[failure.code] ?? "check DATABASE_URL, and its own log";
  const change = failedChange(error); // of a migration, which holds no secrets
  return `${what}, the database failed: ${failure.code} (${advice})${change ? `, at: ${change}` : ""}`;
}
