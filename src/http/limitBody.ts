import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ApiError } from "../errors.ts";
import type { AppEnv } from "./deps.ts";
import { fail } from "./envelope.ts";

/** Bodies are a name and a password: more than this is a mistake or an attack. */
const MAX_BODY_BYTES = 16 * 1024;

/**
 * Refuses a body that is too large. One that can't be read (its client has gone, or sent broken chunks) is no fault of ours,
 * and counts as malformed. GET and HEAD take no body: Bun drops it, and so no runtime looks at it.
 */
export function limitBody(): MiddlewareHandler<AppEnv> {
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (c) => fail(c, new ApiError("payload_too_large")),
  });
  const limited: MiddlewareHandler<AppEnv> = async (c, next) => {
    let read = false;
    try {
      return await limit(c, () => {
        read = true;
        return next();
      });
    } catch (error) {
      if (read) throw error;
      return fail(c, new ApiError("malformed_json"));
    }
  };
  return (c, next) => (c.req.method === "GET" || c.req.method === "HEAD" ? next() : limited(c, next));
}
