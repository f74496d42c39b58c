import { type Config, ConfigError } from "../config.ts";
import { databaseFailure } from "../db/failures.ts";

/** A line for the person at the terminal. Standard output is the log's. */
export const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** What a developer wants to know after the start: where it is, what to try, what still stands at its default. */
export function welcome(url: URL, database: string, config: Config): void {
  const everywhere = config.host === "0.0.0.0" || config.host === "::";
  const origin = everywhere ? `http://localhost:${url.port}` : url.origin;
  const body = `'{"username":"ada","password":"a long passphrase"}'`;
  tell(`
latchkey answers at ${origin}
  database  ${database}
  zone      ${config.timeZone} (TZ)
  try       curl -s ${origin}/api/register -H 'Content-Type: application/json' -d ${body}
            curl -s ${origin}/api/login -H 'Content-Type: application/json' -d ${body}
`);
}

/** What to do about a driver's code, for those that a first start meets. */
const ADVICE: Record<string, string> = {
  ECONNREFUSED: "nothing listens there: is the database running, and are host and port right?",
  ENOENT: "there is no such socket: is the database running?",
  ENOTFOUND: "its host name is not known",
  ETIMEDOUT: "it did not answer in time: is a firewall in between?",
  ER_ACCESS_DENIED_ERROR: "it refused the user name or password",
  ER_DBACCESS_DENIED_ERROR: "this user may not use that database",
  ER_BAD_DB_ERROR: "that database does not exist: create it first",
  HANDSHAKE_NO_SSL_SUPPORT: "the server offers no TLS",
  HANDSHAKE_SSL_ERROR:
    "TLS failed: does DATABASE_TLS_CA_FILE hold the authority that signed its certificate?",
};

/** Why a start failed (or `what` else), without anything secret, and what to do. */
export function startFailure(error: unknown, what = "latchkey cannot start"): string {
  if (error instanceof ConfigError) return `${what}, ${error.message}`;
  const failure = databaseFailure(error);
  if (!failure) return `${what}: ${error instanceof Error ? error.message : "unknown error"}`;
  const advice = ADVICE[failure.code];
  return `${what}, the database failed: ${failure.code}${advice ? ` (${advice})` : ""}`;
}
