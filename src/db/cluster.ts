import type { Pool } from "mysql2/promise";
import { isConflict, isCutOff } from "./failures.ts";

/**
 * Runs something again, four times at the most, when the server rolled it back for a conflict.
 * @param work does the same again each time
 * @throws what it throws the last time
 */
export async function repeatOnConflict<T>(work: () => Promise<T>, retries = 4): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (retries === 0 || !isConflict(error)) throw error;
    return repeatOnConflict(work, retries - 1);
  }
}

/**
 * A pool as clusters need it. A statement outside of a transaction is rolled back whole on a conflict, so it is repeated.
 * A connection to a node that is cut off is closed: a new one may be led to another.
 */
export function forCluster(pool: Pool): Pool {
  const getConnection = async () => {
    const connection = await pool.getConnection();
    const { query } = connection;
    const watched = async (...sent: unknown[]) => {
      try {
        return await (query as (...args: unknown[]) => Promise<unknown>).apply(connection, sent);
      } catch (error) {
        if (isCutOff(error)) connection.destroy();
        throw error;
      }
    };
    return Object.assign(connection, { query: watched as typeof query });
  };
  const query = (...sent: Parameters<Pool["query"]>) =>
    repeatOnConflict(async () => {
      const connection = await getConnection();
      try {
        return await connection.query(...sent);
      } finally {
        connection.release();
      }
    });
  return Object.assign(Object.create(pool) as Pool, { getConnection, query: query as Pool["query"] });
}
