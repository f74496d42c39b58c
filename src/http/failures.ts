import type { Context } from "hono";
import { databaseFailure, isUnavailable } from "../db/failures.ts";
import { ApiError } from "../errors.ts";
import type { AppEnv, Deps } from "./deps.ts";
import { fail } from "./envelope.ts";

/** Turns whatever was thrown into an answer: known failures as they are, the rest as 503 or 500, told only to the log. */
export function answerFailure(deps: Deps, error: unknown, c: Context<AppEnv>) {
  if (error instanceof ApiError) return fail(c, error);
  const { requestId } = c.var;
  const failure = databaseFailure(error);
  if (failure && isUnavailable(error)) {
    deps.log.warn({ requestId, ...failure }, "database unavailable");
    return fail(c, new ApiError("database_unavailable"));
  }
  deps.log.error({ requestId, ...(failure ?? frames(error)) }, "internal error");
  return fail(c, new ApiError("internal_error"));
}

/** An unexpected error without its message, which may hold anything. */
function frames(error: unknown): { error: string; stack: string | undefined } {
  if (!(error instanceof Error)) return { error: typeof error, stack: undefined };
  const lines = error.stack?.split("\n").filter((line) => /^\s+at /.test(line));
  return { error: error.name, stack: lines?.slice(0, 12).join("\n") };
}
