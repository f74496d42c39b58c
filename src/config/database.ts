/** Where the database is. Either a socket or a host and port. */
export interface DatabaseTarget {
  socketPath?: string;
  host?: string;
  port?: number;
  user: string;
  password: string;
  database: string;
  /** TLS: absent for none; `ca` (PEM text) absent for the system's roots; `verifyName`: the certificate must name the host. */
  tls?: { ca?: string; verifyName: boolean };
}

/** The variables a target is read from. */
export interface DatabaseVariables {
  DATABASE_URL?: string | undefined;
  MYSQL_USER_NAME?: string | undefined;
  MYSQL_USER_PASSWORD?: string | undefined;
  MYSQL_HOSTNAME?: string | undefined;
  MYSQL_PORT: number;
  MYSQL_DATABASE_NAME?: string | undefined;
  DATABASE_TLS: boolean;
  DATABASE_TLS_CA_FILE?: string | undefined;
  DATABASE_TLS_VERIFY_NAME: boolean;
}

/**
 * The database that the environment names: `DATABASE_URL`, else the seed's MYSQL_ variables; undefined if neither.
 * @param problems what is wrong is added here; no password is repeated
 */
export function databaseTarget(
  read: DatabaseVariables,
  readFile: (path: string) => string,
  problems: string[],
): DatabaseTarget | undefined {
  const target =
    read.DATABASE_URL === undefined ? fromNames(read, problems) : fromUrl(read.DATABASE_URL, problems);
  const tls = tlsOptions(read, readFile, problems);
  return target && { ...target, ...(tls ? { tls } : {}) };
}

function fromNames(read: DatabaseVariables, problems: string[]): DatabaseTarget | undefined {
  const { MYSQL_HOSTNAME, MYSQL_USER_NAME, MYSQL_DATABASE_NAME } = read;
  const needed = { MYSQL_HOSTNAME, MYSQL_USER_NAME, MYSQL_DATABASE_NAME };
  const missing = Object.entries(needed).filter(([, value]) => value === undefined);
  if (missing.length === 3 && read.MYSQL_USER_PASSWORD === undefined) return undefined;
  for (const [name] of missing) problems.push(`${name} is required beside the other MYSQL_ variables`);
  return {
    host: MYSQL_HOSTNAME ?? "",
    port: read.MYSQL_PORT,
    user: MYSQL_USER_NAME ?? "",
    password: read.MYSQL_USER_PASSWORD ?? "",
    database: MYSQL_DATABASE_NAME ?? "",
  };
}

/** `mysql://user:password@host:port/name`; `?socket=/path` in place of host and port. Parts are percent-encoded. */
function fromUrl(text: string, problems: string[]): DatabaseTarget | undefined {
  try {
    const url = new URL(text);
    const database = decodeURIComponent(url.pathname.slice(1));
    // mysql+pymysql: as SQLAlchemy writes it.
    if (!/^(mysql|mariadb)(\+\w+)?:$/.test(url.protocol) || !url.username || !database) throw new TypeError();
    if (database.includes("/") || url.port === "0") throw new TypeError();
    // Whatever else it wishes for, TLS above all, must not be dropped without a word.
    const unknown = [...url.searchParams.keys()].find((name) => name !== "socket" && name !== "charset");
    if (unknown !== undefined) {
      problems.push("DATABASE_URL takes no parameters but socket and charset: for TLS set DATABASE_TLS");
      return undefined;
    }
    const socketPath = url.searchParams.get("socket");
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1"); // IPv6
    return {
      ...(socketPath ? { socketPath } : { host: host || "127.0.0.1", port: Number(url.port || 3306) }),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database,
    };
  } catch {
    problems.push("DATABASE_URL must be mysql://user:password@host:port/name, its parts percent-encoded");
    return undefined;
  }
}

function tlsOptions(
  read: DatabaseVariables,
  readFile: (path: string) => string,
  problems: string[],
): DatabaseTarget["tls"] {
  const verifyName = read.DATABASE_TLS_VERIFY_NAME;
  if (read.DATABASE_TLS_CA_FILE === undefined) return read.DATABASE_TLS ? { verifyName } : undefined;
  try {
    const ca = readFile(read.DATABASE_TLS_CA_FILE);
    if (!ca.includes("-----BEGIN CERTIFICATE-----")) throw new TypeError();
    return { ca, verifyName };
  } catch {
    problems.push("DATABASE_TLS_CA_FILE must name a readable PEM file with a CERTIFICATE");
    return undefined;
  }
}
