/** What can be said of a database error without repeating its parameters. */
export interface DatabaseFailure {
  code: string;
  errno: number | undefined;
  /** SQL text with placeholders, when Drizzle gave it. */
  query: string | undefined;
}

/** No connection could be had. Its cause says why; whatever that is, it is no fault of a statement. */
export class NoConnection extends Error {
  override readonly name = "NoConnection";
}

/** Within Drizzle's wrapper, too. */
const hasNoConnection = (error: unknown): boolean =>
  error instanceof NoConnection || (error as Error | undefined)?.cause instanceof NoConnection;

/**
 * Reads the driver's code out of an error, through the wrapper that Drizzle puts around it. The messages of both
 * hold parameters (a username, a hash), so nothing else is taken. Undefined if it is no database error.
 */
export function databaseFailure(error: unknown): DatabaseFailure | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { errno, syscall } = at as { errno?: unknown; syscall?: unknown };
    const code = codeOf(at);
    if (typeof code === "string" && (DRIVER_CODE.test(code) || syscall === "connect")) {
      const query = (error as { query?: unknown }).query;
      return {
        code,
        errno: typeof errno === "number" ? errno : undefined,
        query: typeof query === "string" ? query : undefined,
      };
    }
    if (at.message === "Queue limit reached." || at.message === "Pool is closed.") {
      return { code: "POOL_EXHAUSTED", errno: undefined, query: undefined };
    }
    if (CLOSED_CONNECTION.test(at.message))
      return { code: "CONNECTION_CLOSED", errno: undefined, query: undefined };
  }
  return hasNoConnection(error) ? { code: "NO_CONNECTION", errno: undefined, query: undefined } : undefined;
}

/**
 * The driver's code. For errors of the server (they have an SQL state) it has MySQL's names. MariaDB's own have none there, such as its
 * time limit (1969), and from 4000 on they are others of the same number: those are called `ER_` and their number.
 */
function codeOf(error: Error): unknown {
  const { code, errno, sqlState } = error as { code?: unknown; errno?: unknown; sqlState?: unknown };
  const named = /^E[ER]_/.test(String(code)) && Number(errno) < 4000;
  return typeof sqlState === "string" && !named ? `ER_${errno}` : code;
}

/** Codes of the driver and the server, two of our own, and those of a broken connection; no other codes of the system. */
const DRIVER_CODE =
  /^(ER_|EE_|PROTOCOL_|HANDSHAKE_|AUTH_|DATABASE_TIMEOUT$|BLOCKLIST_FULL$|ERR_STREAM_|ERR_SOCKET_|ECONN|ETIMEDOUT$|ENOTFOUND$|EAI_AGAIN$|EPIPE$|EHOSTUNREACH$|ENETUNREACH$)/;
const CLOSED_CONNECTION = /^Can't add new command when connection is in closed state/;

/** MySQL and MariaDB: a unique index refused the row, the primary key among them. */
export function isDuplicateKey(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1062;
}

/** The server has not prepared the statement that it was to run (1243): its connection leads to another one now. */
export function isUnknownStatement(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1243;
}

/** A statement was stopped from elsewhere (1317). */
export function isInterrupted(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1317;
}

/** The server has no variable of that name (1193). */
export function isUnknownVariable(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1193;
}

/**
 * A deadlock, or a change of the same row on another node: 1213, also Galera's; Group Replication's 3101; TiDB's 8005 and
 * 9007.
 */
const CONFLICTS = new Set([1213, 3101, 8005, 9007]);

/** The server rolled the transaction back for a conflict, and it may be run again. */
export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(databaseFailure(error)?.errno ?? 0);
}

/** A statement waited for a lock, or a node for the others, until its time was over (1205), and was not done. */
export function isLockTimeout(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1205;
}

/**
 * The server is read-only, not part of its cluster for now, or not the one that prepared this connection's statements (1243):
 * another connection may reach another server.
 */
const ELSEWHERE = new Set([1047, 1243, 1290, 1792, 1836]);

/** This connection lacks rights, or has an expired password (1820): a server looks at those when a connection opens. */
const UNENTITLED = new Set([1044, 1142, 1143, 1820]);

/** True when a connection is not to be used again: another one may reach another server, or be let do more. */
export function leavesServer(error: unknown): boolean {
  const { errno = 0 } = databaseFailure(error) ?? {};
  return ELSEWHERE.has(errno) || UNENTITLED.has(errno);
}

/**
 * The server's answers that do not say what became of the statement: shutting down, killed, read or write failed, and of a
 * COMMIT on a cluster: no part of it any more (1047), not certified (1180).
 */
const UNTOLD = new Set([1047, 1053, 1158, 1159, 1160, 1161, 1180, 1927]);

/** True when a statement may have been done all the same: its answer was lost. */
export function isAnswerLost(error: unknown): boolean {
  const failure = databaseFailure(error);
  return failure !== undefined && (!failure.code.startsWith("ER_") || UNTOLD.has(failure.errno ?? 0));
}

/** What the driver calls a connection that was there and broke. */
const BROKEN = new Set(["PROTOCOL_CONNECTION_LOST", "CONNECTION_CLOSED", "ECONNRESET", "EPIPE"]);

/** True when the way to a server broke, or it left its cluster: another connection may lead to another one. */
export function isBroken(error: unknown): boolean {
  const { code = "", errno = 0 } = databaseFailure(error) ?? {};
  return BROKEN.has(code) || UNTOLD.has(errno) || ELSEWHERE.has(errno);
}

/**
 * Server errors that say "not now" and are no fault of the statement: full, read-only, shutting down, killed, too slow, rights or
 * a password that was taken back. From 9001 on they are TiDB's, about a part of it that is gone or busy.
 */
const UNAVAILABLE = new Set([
  1021, 1026, 1030, 1036, 1037, 1038, 1040, 1041, 1042, 1044, 1045, 1047, 1049, 1053, 1077, 1079, 1114, 1129,
  1135, 1142, 1143, 1152, 1158, 1159, 1160, 1161, 1180, 1184, 1203, 1205, 1206, 1226, 1243, 1290, 1317, 1792,
  1820, 1836, 1878, 1927, 1969, 3024, 3032, 3100, 3168, 4031, 9001, 9002, 9003, 9004, 9005,
]);

/** True when the database could not do its work, so that the answer is 503 and not 500. */
export function isUnavailable(error: unknown): boolean {
  const failure = databaseFailure(error);
  if (!failure) return false;
  return (
    hasNoConnection(error) ||
    failure.errno === undefined ||
    failure.errno <= 0 ||
    !failure.code.startsWith("ER_") ||
    CONFLICTS.has(failure.errno) ||
    UNAVAILABLE.has(failure.errno)
  );
}
