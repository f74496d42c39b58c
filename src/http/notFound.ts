import type { Hono, NotFoundHandler } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { ApiError } from "../errors.ts";
import type { AppEnv } from "./deps.ts";
import { fail } from "./envelope.ts";

/**
 * Answers what no route does, or one that has nothing to give: 404, or 405 with the methods of the path (RFC 9110 section 15.5.6).
 * Hono's middleware is asked here, and not in front of every request.
 */
export function notFound(app: Hono<AppEnv>): NotFoundHandler<AppEnv> {
  const otherMethods = methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) => {
      c.header("Allow", [...methods, "OPTIONS"].join(", "));
      return fail(c, new ApiError("method_not_allowed"));
    },
  });
  return async (c) => {
    c.res = fail(c, new ApiError("not_found"));
    await otherMethods(c, async () => {});
    return c.res;
  };
}
