import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { AppEnv, Deps } from "./deps.ts";

/**
 * One line a request, of these fields and no others. The route's pattern stands for the path: a path, a query, a
 * header or a body may hold a secret.
 */
export function requestLog(deps: Deps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startedAt = performance.now();
    c.set("clientAddress", deps.clientAddress(c));
    await next();
    const { failureCode } = c.var;
    const unmatched = failureCode === "not_found" || failureCode === "method_not_allowed";
    deps.log.info(
      {
        requestId: c.var.requestId,
        method: c.req.method,
        route: unmatched ? "unmatched" : routePath(c, -1),
        status: c.res.status,
        code: failureCode,
        durationMs: Math.round((performance.now() - startedAt) * 100) / 100,
        address: c.var.clientAddress,
        userId: c.var.owner?.userId,
      },
      "request",
    );
  };
}
