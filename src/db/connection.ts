import { sql } from "drizzle-orm";
import { drizzle, type MySql2Database } from "drizzle-orm/mysql2";
import { type Connection, createConnection, createPool, type Pool, type PoolOptions } from "mysql2/promise";
import type { DatabaseTarget } from "../config/database.ts";
import { forCluster } from "./cluster.ts";
import { type DatabaseFailure, databaseFailure, isUnknownVariable } from "./failures.ts";
import { type Allowance, limitTime, within } from "./timeLimit.ts";

/** The typed query builder, and what it asks: a pool, or within a transaction its connection. */
export type Database = MySql2Database & { $client?: Client };
type Client = Pick<Pool, "execute"> & Partial<Pick<Pool, "getConnection" | "pool">>;

/**
 * Connection options that every connection of ours shares.
 *
 * The charset is fixed because mysql2 escapes parameters in the client; `dateStrings` keeps wall-clock times
 * as they are stored. mysql2 compiles a reader for the rows of each statement, which halves what they cost; where a runtime
 * compiles no code (workerd) it reads them step by step.
 */
export function connectionOptions(target: DatabaseTarget): PoolOptions {
  const { tls, socketPath, host, port, ...account } = target;
  return {
    ...account,
    ...(socketPath ? { socketPath } : { host: host ?? "127.0.0.1", port: port ?? 3306 }),
    ...(tls
      ? {
          ssl: {
            ...(tls.ca ? { ca: tls.ca } : {}),
            rejectUnauthorized: true,
            verifyIdentity: tls.verifyName,
          },
        }
      : {}),
    charset: "utf8mb4_unicode_ci",
    dateStrings: true,
    disableEval: !canCompile(),
    maxPreparedStatements: 48, // there are 37 (docs/scaling.md), and each connection would keep half a megabyte ready for more
    connectTimeout: 3_000,
    enableKeepAlive: true,
  };
}

/** Works on a connection of its own, with the server's own settings, and ends it. */
export async function withConnection<T>(
  target: DatabaseTarget,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await createConnection(connectionOptions(target));
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}

function canCompile(): boolean {
  try {
    return Boolean(new Function(""));
  } catch {
    return false;
  }
}

/**
 * Session settings without which a server's own defaults could change an answer: strict mode so that nothing is cut off, no
 * NO_BACKSLASH_ESCAPES, under which client-side escaping would be open to injection, and an isolation level. Statements commit
 * at once, so that nobody reads what was true before; no row of an answer is left out; and unique indexes are checked.
 */
export const SESSION_SETTINGS = [
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
  "SET SESSION autocommit = 1, completion_type = 0, sql_select_limit = 18446744073709551615, unique_checks = 1",
  "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
];

/**
 * How long a statement may wait for a lock (twice, see cluster.ts) or run before the server gives it up: a little sooner than
 * we do, so that a statement we gave up is not done later, unless it had to wait for a connection first. MySQL, which does not
 * notice that we have gone, would let it wait on. The time to run has a name (and unit) of its own in MariaDB and in MySQL,
 * where it counts for reads only, and each refuses the other's.
 */
const TIME_LIMITS = [
  "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1", // for rows, and for tables: there it is a year on MySQL
  "SET SESSION max_statement_time = 3",
  "SET SESSION max_execution_time = 3000",
];

/**
 * On a Galera cluster a node may lag behind: every statement waits until it has applied all that was committed anywhere
 * before it. So what one instance revoked is seen by those on other nodes. Writes too: the next connection of the same pool
 * may lead to another node, where a rotation would not find the counter that was just read, and a theft no session to
 * end. Without a cluster it does nothing, and MySQL does not know the variable.
 */
export const CAUSAL_READS = "SET SESSION wsrep_sync_wait = 7";

/**
 * A pool for one process. Connections are opened when first needed.
 * @param poolSize most connections at once
 * @param options `prepare` false: statements are sent as text, where no connection lasts long enough to prepare them;
 * `onRefused` is told why the server refused a setting, without which its connection is not used
 */
export function openPool(
  target: DatabaseTarget,
  poolSize: number,
  options: { prepare?: boolean; onRefused?: (failure: DatabaseFailure) => void } = {},
): Pool {
  const { prepare = true, onRefused } = options;
  const pool = createPool({
    ...connectionOptions(target),
    connectionLimit: poolSize,
    // The driver looks once a second and closes what is free beyond this at that moment, even while there is work to come.
    maxIdle: Math.max(1, poolSize - 1),
    idleTimeout: 60_000,
    gracefulEnd: true, // with a goodbye: without, MariaDB warns of each that is closed
    queueLimit: 10_000,
  });
  // Queued on the connection before the query that it was opened for.
  pool.pool.on("connection", (connection) => {
    if (!prepare) connection.execute = connection.query as typeof connection.execute;
    connection.on("error", () => {}); // the driver may tell of one break twice, and none must end the process
    const giveUp = (error: unknown) => {
      const failure = databaseFailure(error);
      if (failure?.code.startsWith("ER_")) onRefused?.(failure); // the server said so, and is still there
      connection.destroy();
    };
    for (const setting of SESSION_SETTINGS) connection.query(setting, (error) => error && giveUp(error));
    connection.query(CAUSAL_READS, (error) => {
      if (error && !isUnknownVariable(error)) giveUp(error); // it might lag unseen
    });
    for (const limit of TIME_LIMITS) connection.query(limit, () => {});
  });
  return limitTime(pool);
}

/** Closes a pool, with a goodbye on each connection, for which a frozen server is not waited for longer than a second. */
export const closePool = (pool: Pool): Promise<void> => within(1_000, pool.end()).catch(() => {});

/**
 * The typed query builder over a pool.
 * @param allowance what a request may spend on waiting; the result is that request's own then, and takes some microseconds to make
 */
export function openDatabase(pool: Pool, allowance?: Allowance): Database {
  return drizzle({ client: forCluster(allowance ? limitTime(pool, allowance) : pool) });
}

/** How long a database may take to be called ready, in ms. */
const READY_MS = 1_000;

/** @throws if the database does not answer soon */
export async function ping(db: Database): Promise<void> {
  await within(READY_MS, db.execute(sql`SELECT 1`));
}
