import { AsyncLocalStorage } from "node:async_hooks";
import type { Allowance } from "../db/timeLimit.ts";

/** What a request may spend in all on waiting for the database, in ms; hashing and its queue are not counted. */
const REQUEST_MS = 3_250;

const storage = new AsyncLocalStorage<Allowance>();

/**
 * Runs the work for a request with an allowance of its own, which `currentAllowance` finds from wherever it gets to. It
 * ends with the work: what an answer streams after that may take as long as its client does.
 */
export async function withAllowance<T>(work: () => Promise<T>): Promise<T> {
  const allowance: Allowance = { leftMs: REQUEST_MS };
  try {
    return await storage.run(allowance, work);
  } finally {
    allowance.leftMs = Number.POSITIVE_INFINITY;
  }
}

/** The allowance of the request at hand; undefined outside of one. */
export const currentAllowance = (): Allowance | undefined => storage.getStore();
