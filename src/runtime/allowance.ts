import { AsyncLocalStorage } from "node:async_hooks";
import type { Allowance } from "../db/timeLimit.ts";

/** What a request may spend in all on waiting for the database, in ms; hashing and its queue are not counted. */
const REQUEST_MS = 3_250;

const storage = new AsyncLocalStorage<Allowance>();

/** Runs the work for a request with an allowance of its own, which `currentAllowance` finds from wherever it gets to. */
export const withAllowance = <T>(work: () => T): T => storage.run({ leftMs: REQUEST_MS }, work);

/** The allowance of the request at hand; undefined outside of one. */
export const currentAllowance = (): Allowance | undefined => storage.getStore();
