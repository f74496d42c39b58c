import type { Context, MiddlewareHandler } from "hono";

/**
 * A HEAD tells the length that the body of a GET would have. Hono leaves it out, and Bun would then say 0, but a length that
 * differs is forbidden (RFC 9110 section 8.6). A body without a length says so by `Transfer-Encoding`.
 */
export const headLength: MiddlewareHandler = (c, next) =>
  c.req.method === "HEAD" ? withLength(c, next) : next();

async function withLength(c: Context, next: () => Promise<void>): Promise<void> {
  await next();
  if (c.res.headers.has("Transfer-Encoding")) return;
  const body = await c.res.clone().arrayBuffer();
  c.header("Content-Length", String(body.byteLength));
}
