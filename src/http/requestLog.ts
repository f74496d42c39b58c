import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { clientAddress, isForwarded } from "./clientAddress.ts";
import type { AppEnv, Deps } from "./deps.ts";

/**
 * One line for each request, of these fields and no others, and one count in the metrics. The route's pattern stands in for
 * the path: a path, a query, a header or a body may hold a secret.
 */
export function requestLog(deps: Deps): MiddlewareHandler<AppEnv> {
  let told = false;
  return async (c, next) => {
    const startedAt = performance.now();
    c.set(
      "clientAddress",
      clientAddress(deps.config, () => deps.clientAddress(c), c),
    );
    if (!told && deps.config.trustedHops === 0 && isForwarded(c, c.get("clientAddress"))) {
      told = true; // once: behind a proxy all clients look like one, and share its limits
      deps.log.warn(
        {},
        "a request came through a proxy, but TRUSTED_HOPS is 0: all of its clients count as one",
      );
    }
    await next();
    const failureCode = c.get("failureCode");
    const durationMs = performance.now() - startedAt;
    const unmatched = failureCode === "not_found" || failureCode === "method_not_allowed";
    const route = unmatched ? "unmatched" : routePath(c, -1);
    deps.log.info(
      {
        requestId: c.get("requestId"),
        method: c.req.method,
        route,
        status: c.res.status,
        code: failureCode,
        durationMs: Math.round(durationMs * 100) / 100,
        address: c.get("clientAddress"),
        userId: c.get("owner")?.user.id,
      },
      "request",
    );
    const { status } = c.res;
    deps.metrics?.onRequest({ method: c.req.method, route, status, code: failureCode }, durationMs / 1000);
  };
}
