import type { BunEnv } from "./bun.ts";
import { lastResort } from "./lastResort.ts";

/**
 * Serves an app. What escapes it still gets the envelope, never Bun's page with a stack.
 * @param draining while true every answer closes its connection, so that clients and proxies go elsewhere
 * @param variable where the address was configured
 * @throws Error with what to do, if it cannot listen there
 */
export function serve(
  fetch: (request: Request, env: BunEnv) => Response | Promise<Response>,
  { host, port }: { host: string; port: number },
  draining: () => boolean = () => false,
  variable = "HOST",
): Bun.Server<undefined> {
  /** Whether a connection ends with this answer (RFC 9112 section 9.6). Bun takes a chunked request's trailers for the next one. */
  const isLast = (request?: Request) => draining() || request?.headers.has("Transfer-Encoding");
  const finished = (response: Response, request?: Request): Response => {
    if (isLast(request)) response.headers.set("Connection", "close"); // Bun then closes it
    return response;
  };
  try {
    return Bun.serve({
      hostname: host,
      port,
      development: false,
      reusePort: false, // else, and only without `development`, a second start would silently share the port
      idleTimeout: 30, // seconds; above what a request may wait for the database and, with the default queue, its hash
      maxRequestBodySize: Number.MAX_SAFE_INTEGER, // the app refuses large bodies itself, in the envelope
      fetch(request, server) {
        const answer = fetch(withHost(request), {
          address: () => server.requestIP(request)?.address ?? null,
        });
        // No async function: it would make two more promises for each request.
        if (!(answer instanceof Promise)) return finished(answer, request);
        return answer.then((response) => finished(response, request));
      },
      error: () => finished(lastResort()),
    });
  } catch (error) {
    const code = (error as { code?: string }).code ?? "unknown";
    throw new Error(
      `it cannot listen at ${host} port ${port} (${code}): is the port taken, or ${variable} not of this machine?`,
    );
  }
}

/**
 * Serves `GET /metrics` and nothing else.
 * @throws Error with what to do, if it cannot listen there
 */
export function serveMetrics(
  print: () => Promise<Response>,
  place: { host: string; port: number },
): Bun.Server<undefined> {
  const answer = ({ method, url }: Request) =>
    (method === "GET" || method === "HEAD") && new URL(url).pathname === "/metrics"
      ? print()
      : new Response("404 Not Found", { status: 404 });
  return serve(answer, place, undefined, "METRICS_HOST (or HOST)");
}

/**
 * A request without a Host (HTTP/1.0 asks for none, and load balancers' checks send none) comes with a mere path as its URL, and
 * one whose Host is no name with a text that is no URL: nothing behind here could parse either.
 */
function withHost(request: Request): Request {
  if (URL.canParse(request.url)) return request;
  return new Request(`http://localhost${request.url.replace(/^http:\/\/[^/]*/, "")}`, request);
}
