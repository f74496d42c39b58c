import type { Pool } from "mysql2/promise";
import { isConflict } from "./failures.ts";

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
 * A pool that repeats a statement on a conflict: outside of a transaction it was rolled back whole. On a cluster any may
 * meet one, when another node changed the same row.
 */
export function forCluster<P extends Pool>(pool: P): P {
  const query = (...sent: Parameters<Pool["query"]>) => repeatOnConflict(() => pool.query(...sent));
  return Object.assign(Object.create(pool) as P, { query: query as Pool["query"] });
}
