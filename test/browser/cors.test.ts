import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { serve } from "../../src/runtime/server.ts";
import { PASSWORD, testApp, unique } from "../support/app.ts";
import { BROWSER_MS, FETCH_MS, openBrowser, openPage } from "../support/chromium.ts";

let browser: Browser;
let closeBrowser: () => Promise<void>;
const servers: Bun.Server<undefined>[] = [];
beforeAll(async () => {
  ({ browser, close: closeBrowser } = await openBrowser());
}, FETCH_MS);
afterAll(async () => {
  await closeBrowser();
  for (const server of servers) await server.stop(true);
});

/** Somebody else's page: another port is another origin. */
function otherOrigin(): string {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response("<!doctype html><title>another site</title>", {
        headers: { "Content-Type": "text/html" },
      }),
  });
  servers.push(server);
  return server.url.origin;
}

async function service(env: Record<string, string>): Promise<string> {
  const server = serve((await testApp({ env })).app.fetch as never, { host: "127.0.0.1", port: 0 });
  servers.push(server);
  return server.url.origin;
}

/** What a page's own script does with the service, as the browser lets it. The page says what it could read. */
const FLOW = async ({ api, username, password }: { api: string; username: string; password: string }) => {
  const seen: string[] = [];
  const call = async (method: string, path: string, token = "", body?: object) => {
    const headers = {
      ...(token && { Authorization: token }),
      ...(body && { "Content-Type": "application/json" }),
    };
    try {
      const answer = await fetch(api + path, { method, headers, body: body ? JSON.stringify(body) : null });
      const { code = "ok", data } = (await answer.json()) as { code?: string; data: never };
      seen.push(`${method} ${path} ${code}`);
      if (!answer.headers.get("X-Request-Id")) seen.push("a header is hidden");
      if (path.includes("limit") && !answer.headers.get("Link")) seen.push("Link is hidden");
      if (answer.status === 401 && !answer.headers.get("WWW-Authenticate"))
        seen.push("the challenge is hidden");
      return data as { accessToken: string; refreshToken: string } | null;
    } catch {
      seen.push(`${method} ${path} refused by the browser`);
      return null;
    }
  };
  await call("POST", "/api/register", "", { username, password });
  await call("POST", "/api/register", "", { username: `${username}-2`, password });
  const pair = await call("POST", "/api/login", "", { username, password });
  await call("GET", "/api/getUserList?limit=1", pair?.accessToken);
  const refreshed = await call("GET", "/api/refreshToken", pair?.refreshToken);
  const rotated = await call("POST", "/api/rotateToken", pair?.refreshToken);
  await call("GET", "/api/getSessionList", refreshed?.accessToken);
  await call("POST", "/api/logout", rotated?.accessToken, { scope: "session" });
  await call("GET", "/api/getUser", rotated?.accessToken);
  return seen;
};

const WHOLE = [
  "POST /api/register ok",
  "POST /api/register ok",
  "POST /api/login ok",
  "GET /api/getUserList?limit=1 ok",
  "GET /api/refreshToken ok",
  "POST /api/rotateToken ok",
  "GET /api/getSessionList ok",
  "POST /api/logout ok",
  "GET /api/getUser token_revoked",
];

/** Runs the flow in a page of an origin against a service. */
async function flow(origin: string, api: string): Promise<string[]> {
  const page = await openPage(browser);
  await page.goto(origin);
  const seen = await page.evaluate(FLOW, { api, username: unique("far"), password: PASSWORD });
  await page.close();
  return seen;
}

test(
  "a page of another origin goes through everything by default, and when it is named",
  async () => {
    const named = otherOrigin();
    expect(await flow(named, await service({}))).toEqual(WHOLE);
    expect(await flow(named, await service({ CORS_ORIGINS: `https://app.example.com,${named}` }))).toEqual(
      WHOLE,
    );
  },
  BROWSER_MS,
);

test(
  "a page of an origin that is not named can do nothing; one of the service's own can",
  async () => {
    const api = await service({ CORS_ORIGINS: "https://app.example.com" });
    const seen = await flow(otherOrigin(), api);
    expect(seen).toEqual(WHOLE.map((line) => line.replace(/ \w+$/, " refused by the browser")));
    expect(await flow(`${api}/livez`, api)).toEqual(WHOLE);
  },
  BROWSER_MS,
);
