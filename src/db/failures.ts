/** What can be said of a database error without repeating its parameters. */
export interface DatabaseFailure {
  code: string;
  errno: number | undefined;
  /** SQL text with placeholders, when Drizzle gave it. */
  query: string | undefined;
}

/**
 * Reads the driver's code out of an error, through the wrapper that Drizzle puts around it. The messages of both
 * hold parameters (a username, a hash), so nothing else is taken. Undefined if it is no database error.
 */
export function databaseFailure(error: unknown): DatabaseFailure | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code, errno, syscall } = at as { code?: unknown; errno?: unknown; syscall?: unknown };
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
  return undefined;
}

/** Codes of the driver and the server, and those of a connection that broke; no others of the system's. */
const DRIVER_CODE =
  /^(ER_|PROTOCOL_|HANDSHAKE_|ECONN|ETIMEDOUT$|ENOTFOUND$|EAI_AGAIN$|EPIPE$|EHOSTUNREACH$|ENETUNREACH$)/;
const CLOSED_CONNECTION = /^Can't add new command when connection is in closed state/;

/** MySQL and MariaDB: a unique index refused the row. */
export function isDuplicateKey(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1062;
}

/** The server has no variable of that name (1193). */
export function isUnknownVariable(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1193;
}

/** A node of a cluster that is cut off from the others, and refuses everything until it is back (1047). */
export function isCutOff(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1047;
}

/**
 * A deadlock, or on a Galera cluster a change of the same row on another node (1213): the server rolled the transaction
 * back, and it may be run again.
 */
export function isConflict(error: unknown): boolean {
  return databaseFailure(error)?.errno === 1213;
}

/** Server errors that say "not now" and are no fault of the statement: full, read-only, shutting down, killed, too slow. */
const UNAVAILABLE = new Set([
  1021, 1030, 1037, 1038, 1040, 1041, 1042, 1044, 1045, 1047, 1049, 1053, 1077, 1079, 1114, 1129, 1152, 1158,
  1159, 1160, 1161, 1180, 1184, 1203, 1205, 1213, 1226, 1290, 1317, 1792, 1836, 1927, 1969, 3024, 3100, 3168,
  4031,
]);

/** True when the database could not do its work, so that the answer is 503 and not 500. */
export function isUnavailable(error: unknown): boolean {
  const failure = databaseFailure(error);
  if (!failure) return false;
  return (
    failure.errno === undefined ||
    failure.errno <= 0 ||
    !failure.code.startsWith("ER_") ||
    UNAVAILABLE.has(failure.errno)
  );
}
