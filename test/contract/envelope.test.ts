import { beforeAll, describe, expect, test } from "bun:test";
import type { Pool } from "mysql2/promise";
import type { Database } from "../../src/db/connection.ts";
import { PASSWORD, type TestApp, testApp, unique } from "../support/app.ts";
import { emptyDatabase, poolOn } from "../support/database.ts";
import { inProcess } from "../support/targets/index.ts";

let it: TestApp;
beforeAll(async () => {
  it = await testApp();
});

describe("paths and methods nobody serves", () => {
  test("an unknown path is 404 in the envelope", async () => {
    for (const path of ["/nope", "/api", "/api/", "/api/register/", "/api/nope", "/api/getuserlist"]) {
      for (const method of ["GET", "POST", "DELETE"]) {
        const answer = await it.request(method, path);
        expect(answer.status).toBe(404);
        expect(answer.body).toEqual({
          success: false,
          message: "The requested URL was not found on the server.",
          data: null,
          code: "not_found",
        });
      }
    }
  });
  test("a wrong method is 405 with Allow, before any question of a token", async () => {
    const cases: [string, string, string][] = [
      ["GET", "/api/register", "POST, OPTIONS"],
      ["DELETE", "/api/getUserList", "GET, HEAD, OPTIONS"],
      ["PUT", "/api/login", "POST, GET, HEAD, OPTIONS"],
      ["GET", "/api/logout", "POST, OPTIONS"],
      ["POST", "/", "GET, HEAD, OPTIONS"],
    ];
    for (const [method, path, allow] of cases) {
      const answer = await it.request(method, path);
      expect([path, answer.status, answer.headers.get("Allow")]).toEqual([path, 405, allow]);
      expect(answer.body).toEqual({
        success: false,
        message: "The method is not allowed for the requested URL.",
        data: null,
        code: "method_not_allowed",
      });
    }
  });
  test("HEAD is GET without a body", async () => {
    const { accessToken } = await it.newUser();
    for (const path of ["/", "/livez", "/openapi.json", "/nope", "/api/getUser", "/api/getUserList"]) {
      for (const Authorization of ["", accessToken]) {
        const options = { headers: { Authorization } };
        const get = await it.request("GET", path, options);
        const head = await it.request("HEAD", path, options);
        expect([path, head.status, head.text]).toEqual([path, get.status, ""]);
        expect(head.headers.get("Content-Length")).toBe(String(Buffer.byteLength(get.text)));
        expect(head.headers.get("Content-Type")).toBe(get.headers.get("Content-Type"));
      }
    }
  });
});

describe("headers of every answer", () => {
  test("X-Request-Id: the caller's if it is fit, else a new one", async () => {
    expect((await it.request("GET", "/nope")).headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    for (const fit of ["trace-0123456789", "dHJhY2U=", "x".repeat(128)]) {
      const answer = await it.request("GET", "/", { headers: { "X-Request-Id": fit } });
      expect(answer.headers.get("X-Request-Id")).toBe(fit);
    }
    for (const unfit of ["a b", "x".repeat(129), "a.b", "<script>"]) {
      const answer = await it.request("GET", "/", { headers: { "X-Request-Id": unfit } });
      expect(answer.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
  test("Cache-Control: no-store where tokens are, and on failures of /api", async () => {
    const { username, refreshToken } = await it.newUser();
    const answers = [
      await it.post("/api/login", { username, password: PASSWORD }),
      await it.post("/api/refreshToken", { username, password: PASSWORD }),
      await it.withToken("GET", "/api/refreshToken", refreshToken),
      await it.withToken("GET", "/api/login", refreshToken),
      await it.post("/api/login", { username, password: "wrong" }),
    ];
    for (const answer of answers) expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });
  test("a failed login carries a challenge too (RFC 9110 section 11.6.1)", async () => {
    const { username } = await it.newUser();
    const answer = await it.post("/api/login", { username, password: "wrong" });
    expect(answer.headers.get("WWW-Authenticate")).toBe('Bearer realm="latchkey"');
  });
});

describe("CORS", () => {
  const preflight = (app: TestApp, origin: string) =>
    app.request("OPTIONS", "/api/login", {
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
      },
    });
  test("by default any origin, for failures too; preflight allows what clients send", async () => {
    const answer = await preflight(it, "http://x.example");
    expect(answer.status).toBe(204);
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(answer.headers.get("Access-Control-Allow-Headers")).toBe("Authorization,Content-Type");
    expect(answer.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    for (const path of ["/", "/nope", "/api/getUserList"]) {
      const failed = await it.request("GET", path, { headers: { Origin: "http://x.example" } });
      expect(failed.headers.get("Access-Control-Allow-Origin")).toBe("*");
    }
  });
  test("with CORS_ORIGINS only those, and caches are told", async () => {
    const app = await testApp({ env: { CORS_ORIGINS: "https://a.example, http://localhost:3000" } });
    for (const origin of ["https://a.example", "http://localhost:3000"]) {
      expect((await preflight(app, origin)).headers.get("Access-Control-Allow-Origin")).toBe(origin);
      const answer = await app.request("GET", "/api/getUserList", { headers: { Origin: origin } });
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe(origin);
      expect(answer.headers.get("Vary")).toContain("Origin");
      const refused = await app.request("POST", "/api/login", {
        headers: { Origin: origin },
        body: "x".repeat(17_000), // refused in the same step of Hono's in which its headers are set
      });
      expect([refused.status, refused.body.code]).toEqual([413, "payload_too_large"]);
      expect(refused.headers.get("Access-Control-Allow-Origin")).toBe(origin);
      expect(refused.headers.get("Vary")).toContain("Origin");
    }
    for (const origin of ["https://b.example", "https://a.example.evil.example", "null"]) {
      expect((await preflight(app, origin)).headers.get("Access-Control-Allow-Origin")).toBeNull();
      const answer = await app.request("GET", "/", { headers: { Origin: origin } });
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBeNull();
    }
  });
});

describe("failures of the inside", () => {
  const SECRETS = ["a very particular password", "a-very-particular-name"];
  const expectDiscreet = (app: TestApp, text: string) => {
    const logged = JSON.stringify(app.logged);
    for (const secret of [...SECRETS, "argon2", "insert into", "INSERT", "    at "])
      expect(text).not.toContain(secret);
    for (const secret of [...SECRETS, "$argon2"]) expect(logged).not.toContain(secret);
  };
  test("a database without our tables: 500, and nothing of it shows", async () => {
    const app = await testApp({ db: poolOn(await emptyDatabase()).db });
    for (const path of ["/api/register", "/api/login"]) {
      const answer = await app.post(path, { username: SECRETS[1], password: SECRETS[0] });
      expect(answer.status).toBe(500);
      expect(answer.body).toEqual({
        success: false,
        message: "Internal server error",
        data: null,
        code: "internal_error",
      });
      expectDiscreet(app, answer.text);
      expect(app.logged).toContainEqual({
        level: "error",
        fields: expect.objectContaining({
          requestId: answer.headers.get("X-Request-Id"),
          code: "ER_NO_SUCH_TABLE",
        }),
        message: "internal error",
      });
    }
  });
  inProcess("the database is an object that throws")(
    "an error nobody foresaw, of any kind: 500, and of its text nothing in answer or log",
    async () => {
      for (const thrown of [new TypeError(SECRETS[0]), new Error(SECRETS[1], { cause: SECRETS[0] })]) {
        const app = await testApp({
          db: new Proxy({} as Database, {
            get: () => {
              throw thrown;
            },
          }),
        });
        const answer = await app.post("/api/login", { username: SECRETS[1], password: SECRETS[0] });
        expect([answer.status, answer.body.code]).toEqual([500, "internal_error"]);
        expectDiscreet(app, answer.text);
        const [line] = app.logged.filter(({ level }) => level === "error");
        expect(line?.fields).toMatchObject({ error: thrown.name, stack: expect.stringContaining("at ") });
      }
    },
  );
  test("no database at all: 503, never a pass", async () => {
    const nowhere = { socketPath: "/nonexistent/latchkey.sock", user: "x", password: "y", database: "z" };
    const app = await testApp({ db: poolOn(nowhere).db });
    const { accessToken } = await it.newUser();
    const answers = [
      await app.post("/api/register", { username: SECRETS[1], password: SECRETS[0] }),
      await app.post("/api/login", { username: SECRETS[1], password: SECRETS[0] }),
      await app.withToken("GET", "/api/getUserList", accessToken),
      await app.withToken("POST", "/api/logout", accessToken),
      await app.request("GET", "/readyz"),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.body.code]).toEqual([503, "database_unavailable"]);
      expect(answer.headers.get("Retry-After")).toBe("1");
      expectDiscreet(app, answer.text);
      expect(app.logged).toContainEqual({
        level: "warn",
        fields: expect.objectContaining({
          requestId: answer.headers.get("X-Request-Id"),
          code: expect.any(String),
        }),
        message: "database unavailable",
      });
    }
    expect((await app.request("GET", "/livez")).status).toBe(200);
  });
  inProcess("the files of the page are handed in")(
    "an answer that cannot be read is a 500 in the log and in the metrics too",
    async () => {
      const counted: (string | undefined)[] = [];
      const app = await testApp({
        env: { DOCS: "1" },
        docs: async () => ({
          "index.html": { type: "text/html", body: () => Bun.file("/nowhere/index.html") },
        }),
        metrics: { onRequest: ({ code }) => counted.push(code), onThrottled: () => {} },
      });
      const answer = await app.app.request("/docs", { method: "HEAD" }); // whose length is that of the body
      expect(answer.status).toBe(500);
      expect(answer.headers.get("X-Request-Id")).toBeTruthy();
      const line = app.logged.find(({ message }) => message === "request");
      expect(line?.fields).toMatchObject({
        method: "HEAD",
        route: "/docs",
        status: 500,
        code: "internal_error",
      });
      expect(counted).toEqual(["internal_error"]);
    },
  );
  inProcess("the database is an object that fails once")(
    "a token that could not be asked about is no pass, though all else works",
    async () => {
      const { accessToken } = await it.newUser();
      let failures = 0;
      const client = new Proxy(it.db.$client as Pool, {
        get: (target, key) => {
          const value = Reflect.get(target, key);
          if (key !== "execute") return value;
          return async (text: string, params: string[]) => {
            if (text.includes("revoked_tokens") && failures-- > 0)
              throw Object.assign(new Error("lock wait"), { code: "ER_LOCK_WAIT_TIMEOUT", errno: 1205 });
            return value.call(target, text, params);
          };
        },
      });
      const app = await testApp({ db: Object.create(it.db, { $client: { value: client } }) });
      for (const path of ["/api/getUser", "/api/getUserList"]) {
        failures = 1;
        expect((await app.withToken("GET", path, accessToken)).body.code).toBe("database_unavailable");
        expect((await app.withToken("GET", path, accessToken)).status).toBe(200);
      }
    },
  );
  test("draining: not ready, but alive", async () => {
    const app = await testApp();
    expect((await app.request("GET", "/readyz")).status).toBe(200);
    app.state.draining = true;
    expect((await app.request("GET", "/readyz")).status).toBe(503);
    expect((await app.request("GET", "/livez")).status).toBe(200);
  });
});

test("the log has a line a request, of allowed fields, and none that holds what was sent", async () => {
  const app = await testApp();
  const { username, accessToken, refreshToken } = await app.newUser(unique("logged"));
  await app.withToken("GET", `/api/getUserList?secret=${PASSWORD}`, accessToken);
  await app.withToken("GET", "/api/refreshToken", refreshToken);
  await app.withToken("GET", "/secret-path", accessToken);
  await app.withToken("GET", "/api/getUserList", `${accessToken}x`);
  await app.request("POST", "/api/login", {
    body: `{"password":"${PASSWORD}`,
    headers: { "Content-Type": "application/json" },
  });
  const lines = app.logged.filter(({ message }) => message === "request").map(({ fields }) => fields);
  expect(lines).toHaveLength(7);
  const allowed = ["requestId", "method", "route", "status", "code", "durationMs", "address", "userId"];
  for (const line of lines) expect(Object.keys(line)).toEqual(allowed);
  expect(lines.map(({ route }) => route)).toEqual([
    "/api/register",
    "/api/login",
    "/api/getUserList",
    "/api/refreshToken",
    "unmatched",
    "/api/getUserList",
    "/api/login",
  ]);
  const text = JSON.stringify(app.logged);
  const secrets = [
    PASSWORD,
    username,
    "secret",
    accessToken.slice(7, 40),
    refreshToken.slice(-20),
    "$argon2",
  ];
  for (const secret of secrets) expect(text).not.toContain(secret);
});
