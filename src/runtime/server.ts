import { catalogue } from "../errors.ts";
import type { BunEnv } from "./bun.ts";

/**
 * Serves an app. What escapes it still gets the envelope, never Bun's page with a stack.
 * @throws if the port is taken
 */
export function serve(
  fetch: (request: Request, env: BunEnv) => Response | Promise<Response>,
  { host, port }: { host: string; port: number },
): Bun.Server<undefined> {
  const { status, message } = catalogue.internal_error;
  return Bun.serve({
    hostname: host,
    port,
    development: false,
    reusePort: false, // else, and only without `development`, a second start would silently share the port
    idleTimeout: 30, // seconds; above the longest answer, which the database's time limits bound
    maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app refuses large bodies itself, in the envelope
    fetch: (request, server) =>
      fetch(withHost(request), { address: server.requestIP(request)?.address ?? null }),
    error: () =>
      Response.json(
        { success: false, message, data: null, code: "internal_error" },
        { status, headers: { "X-Request-Id": crypto.randomUUID() } },
      ),
  });
}

/**
 * A request without a usable Host (HTTP/1.0 asks for none, and load balancers' checks send none) comes with a path for
 * a URL, which nothing behind here can take apart.
 */
const withHost = (request: Request): Request =>
  request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request;
