import type { MiddlewareHandler } from "hono";

/** No cache keeps what `/api` answers: it may hold a token. Said before there is an answer, which would have to be copied. */
export const notStored: MiddlewareHandler = (c, next) => {
  if (/^\/api(\/|$)/.test(c.req.path)) c.header("Cache-Control", "no-store");
  return next();
};
