import type { Env, Hono } from "hono";
import type { ExtractSchema } from "hono/types";
import type { AppType as App } from "../src/app.ts";
import type * as errors from "../src/errors.ts";

// What src/client.ts imports of the service, by the same names, with nothing left of where it came from: what is exported here
// is written out by buildClient.ts.

type Plain<T> = T extends object ? { [K in keyof T]: Plain<T[K]> } : T;

export type AppType = Hono<Env, Plain<ExtractSchema<App>>>;
export type ErrorCode = errors.ErrorCode;
export type FieldError = Plain<errors.FieldError>;
