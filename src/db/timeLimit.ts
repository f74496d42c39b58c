import type { Pool, PoolConnection } from "mysql2/promise";
import { leavesServer, NoConnection } from "./failures.ts";

/** How long a statement may take, waiting for a connection included, in ms: more than the server's own limits. */
const STATEMENT_MS = 3_250;

/** What a request may still spend on waiting for the database, in ms. Statements take off what they used. */
export interface Allowance {
  leftMs: number;
}

/** What a request may spend in all, in ms; hashing and its queue are not counted. */
const REQUEST_MS = 3_250;

export const requestAllowance = (): Allowance => ({ leftMs: REQUEST_MS });

/** The database did not answer in time: nobody knows whether it did, or will do, what it was asked. */
export class DatabaseTimeout extends Error {
  override readonly name = "DatabaseTimeout";
  readonly code = "DATABASE_TIMEOUT";
}

/** Waits for work, but not longer than a limit. @param limit milliseconds @throws DatabaseTimeout */
export async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseTimeout()), limit);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** One wait for the database: it ends once, with a value, an error, or because its time is over. */
interface Wait<T> {
  over: boolean;
  /** The connection that is lost if it takes too long. */
  connection: CoreConnection | undefined;
  end(error: unknown, value?: T): void;
}

type Method = "query" | "execute";
type Result = [rows: unknown, fields: unknown];

/** What is used of the driver's own connection, on which its promise-based one rests. */
type CoreConnection = Record<
  Method,
  (sql: unknown, values: unknown, done: (error: unknown, rows: unknown, fields: unknown) => void) => void
> & { release(): void; destroy(): void; stream: { destroy(): void } };

/**
 * Gives every statement of a pool, and every wait for a connection, a limit on our own clock: a frozen database, or a
 * network that drops everything, never answers. mysql2 has no limit for its queue, and its `timeout` leaves the connection
 * busy; here a connection that was too slow is dropped, since its answer could come to another question.
 * @param allowance what a request has left; without one each statement has its own limit only
 * @returns the pool behind these limits
 */
export function limitTime(pool: Pool, allowance?: Allowance): Pool {
  const acquire = pool.getConnection.bind(pool);
  const onPool = (method: Method) => (sql: unknown, values?: unknown) =>
    wait<Result>(allowance, (own) => {
      pool.pool.getConnection((error, core) => {
        const connection = core as unknown as CoreConnection | undefined;
        if (own.over)
          connection?.release(); // it comes too late
        else if (error || !connection) own.end(new NoConnection("no connection", { cause: error }));
        else send(own, connection, method, sql, values, () => connection.release());
      });
    });
  return Object.assign(Object.create(pool) as Pool, {
    query: onPool("query"),
    execute: onPool("execute"),
    getConnection: () =>
      wait<PoolConnection>(allowance, (own) => {
        acquire().then(
          (lease) => (own.over ? lease.release() : own.end(null, limitLease(lease, allowance))),
          (error) => own.end(new NoConnection("no connection", { cause: error })),
        );
      }),
  });
}

/** The same for a connection that is lent for a transaction. */
function limitLease(lease: PoolConnection, allowance: Allowance | undefined): PoolConnection {
  const connection = lease.connection as unknown as CoreConnection;
  const on = (method: Method) => (sql: unknown, values?: unknown) =>
    wait<Result>(
      allowance,
      (own) =>
        send(own, connection, method, sql, values, (error) => {
          if (error && sql === "ROLLBACK") drop(connection); // who knows what it is in the midst of
        }),
      connection, // also when no time is left to send a ROLLBACK: it must not go back in the midst of a transaction
    );
  return Object.assign(lease, { query: on("query"), execute: on("execute") });
}

function send(
  own: Wait<Result>,
  connection: CoreConnection,
  method: Method,
  sql: unknown,
  values: unknown,
  after: (error: unknown) => void,
): void {
  own.connection = connection;
  // Drizzle has every value pass a function of its own that leaves dates as text: `dateStrings` does, at no such cost.
  const statement = typeof sql === "object" ? { ...sql, typeCast: true } : sql;
  try {
    connection[method](statement, values, (error, rows, fields) => {
      if (error && leavesServer(error)) drop(connection);
      after(error);
      own.end(error, [rows, fields]);
    });
  } catch (error) {
    after(error); // refused by the driver, never sent
    own.end(error);
  }
}

/** @param connection is lost if the time is over */
function wait<T>(
  allowance: Allowance | undefined,
  start: (own: Wait<T>) => void,
  connection?: CoreConnection,
): Promise<T> {
  const limit = Math.min(STATEMENT_MS, allowance?.leftMs ?? STATEMENT_MS);
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const own: Wait<T> = {
      over: false,
      connection,
      end(error, value) {
        if (own.over) return;
        own.over = true;
        clearTimeout(timer);
        if (allowance) allowance.leftMs -= performance.now() - begun;
        if (error) reject(error);
        else resolve(value as T);
      },
    };
    const giveUp = () => {
      if (own.connection) drop(own.connection);
      own.end(new DatabaseTimeout());
    };
    const timer = limit > 0 ? setTimeout(giveUp, limit) : undefined;
    if (limit > 0) start(own);
    else giveUp();
  });
}

/** Takes a connection out of its pool and closes it without a goodbye, which a frozen server would not answer. */
function drop(connection: CoreConnection): void {
  connection.destroy();
  connection.stream.destroy();
}
