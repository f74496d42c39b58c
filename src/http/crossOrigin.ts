import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { Config } from "../config.ts";

const EXPOSED = ["X-Request-Id", "WWW-Authenticate", "Retry-After", "Link"];
const EXPOSED_TEXT = EXPOSED.join(",");

/**
 * CORS as configured (Fetch standard, "CORS protocol"). Where any origin may call, all answers but a preflight's have the
 * same two headers. They are set before there is an answer: Hono's middleware sets them after, which copies the answer.
 */
export function crossOrigin(origins: Config["corsOrigins"]): MiddlewareHandler {
  const whole = cors({
    origin: origins,
    allowMethods: ["GET", "HEAD", "POST"],
    allowHeaders: ["Authorization", "Content-Type"],
    exposeHeaders: EXPOSED,
    maxAge: 600,
  });
  if (origins !== "*") {
    return async (c, next) => {
      let answer: unknown;
      const own = await whole(c, async () => {
        answer = await next();
      });
      return own ?? (answer as Response | undefined); // Hono's forgets what was answered behind it
    };
  }
  return (c, next) => {
    if (c.req.method === "OPTIONS") return whole(c, next);
    c.header("Access-Control-Allow-Origin", "*");
    c.header("Access-Control-Expose-Headers", EXPOSED_TEXT);
    return next();
  };
}
