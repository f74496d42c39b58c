import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { ThrottleKind } from "../../src/auth/observers.ts";
import { lockName } from "../../src/db/locks.ts";
import { catalogue } from "../../src/errors.ts";
import { cores } from "../../src/runtime/bun.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import { purge } from "../../src/runtime/purgeTimer.ts";
import { serveMetrics } from "../../src/runtime/server.ts";
import { PASSWORD, TEST_SECRET, testApp, unique, uniqueAddress } from "../support/app.ts";
import { databaseUrl, migratedDatabase, poolOn, rootConnection } from "../support/database.ts";
import { over, type Running, startService, until } from "../support/process.ts";

const started: Running[] = [];
const start = async (env: Record<string, string> = {}) => {
  const { target, pool } = await migratedDatabase();
  const service = await startService({
    DATABASE_URL: databaseUrl(target),
    JWT_SECRET_KEY: TEST_SECRET,
    ARGON2_MEMORY_KIB: "64",
    ARGON2_TIME_COST: "1",
    ...env,
  });
  started.push(service);
  return { service, target, pool };
};
afterEach(async () => {
  for (const { process } of started.splice(0)) {
    process.kill("SIGKILL");
    await process.exited;
  }
});

const scrape = async ({ origin }: Running): Promise<string> => {
  const answer = await fetch(`${origin}/metrics`);
  expect([answer.status, answer.headers.get("Content-Type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  return answer.text();
};
/** Every sample: its name and labels as they are printed, and its value. */
const samples = (text: string) =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))] as const;
      }),
  );
const answered = (method: string, route: string, status: number) =>
  `http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`;

describe("requests", () => {
  test("are counted by method, route and status, and nothing of what was sent shows", async () => {
    const { service } = await start();
    const { username, accessToken, refreshToken } = await over(service).newUser();
    await over(service).post("/api/login", { username, password: "wrong-wrong" });
    await over(service).post("/api/register", { username: 1 });
    for (let i = 0; i < 3; i++) await over(service).withToken("GET", "/api/getUser", accessToken);
    await over(service).withToken("GET", "/api/getUser", `${accessToken}x`);
    await over(service).withToken("GET", `/api/getUserList?limit=1&secret=${PASSWORD}`, accessToken);
    await fetch(`${service.origin}/api/getUser`, { method: "HEAD" });
    const text = await scrape(service);
    const values = samples(text);
    const expected = {
      [answered("POST", "/api/register", 200)]: 1,
      [answered("POST", "/api/register", 400)]: 1,
      [answered("POST", "/api/login", 200)]: 1,
      [answered("POST", "/api/login", 401)]: 1,
      [answered("GET", "/api/getUser", 200)]: 3,
      [answered("GET", "/api/getUser", 401)]: 1,
      [answered("HEAD", "/api/getUser", 401)]: 1,
      [answered("GET", "/api/getUserList", 200)]: 1,
    };
    const counted = [...values].filter(([name]) => name.startsWith("http_request_duration_seconds_count"));
    expect(Object.fromEntries(counted)).toEqual(expected);
    for (const [name] of counted) {
      const of = (part: string) => values.get(name.replace("_count{", part));
      expect(of('_bucket{le="+Inf",')).toBe(values.get(name) as number);
      expect(of("_sum{")).toBeGreaterThan(0);
    }
    expect(values.get('latchkey_failures_total{code="invalid_password"}')).toBe(1);
    expect(values.get('latchkey_failures_total{code="validation_failed"}')).toBe(1);
    expect(values.get('latchkey_failures_total{code="internal_error"}')).toBe(0);
    for (const secret of [
      username,
      PASSWORD,
      TEST_SECRET,
      accessToken.slice(7, 40),
      refreshToken.slice(-20),
      "eyJ",
    ])
      expect(text).not.toContain(secret);
  });

  test("to paths and with methods that nobody serves add no label value, however many", async () => {
    const { service } = await start();
    const raw = (method: string, path: string) =>
      new Promise<void>((resolve) => {
        const socket = connect(Number(new URL(service.origin).port), "127.0.0.1", () =>
          socket.end(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        );
        socket.on("error", () => {}).on("close", () => resolve());
        socket.resume();
      });
    for (const method of [
      "GET",
      "POST",
      "PROPFIND",
      "MKCOL",
      "TRACE",
      "PURGE",
      "FROB",
      "OPTIONS",
      "CONNECT",
    ]) {
      await raw(method, `/${unique("path")}`);
      await raw(method, `/api/${unique("path")}?${unique("query")}`);
      await raw(method, "/api/login");
    }
    const text = await scrape(service);
    const labels = (name: string) =>
      new Set([...text.matchAll(new RegExp(`_count{[^}]*${name}="([^"]*)"`, "g"))].map(([, value]) => value));
    const [methods, routes] = [labels("method"), labels("route")];
    for (const method of methods) expect(["GET", "POST", "OPTIONS", "other"]).toContain(method as string);
    expect(methods).toContain("other");
    for (const route of routes)
      expect(["unmatched", "/api/login", "/api/*", "/*"]).toContain(route as string);
    expect(routes).toContain("unmatched");
    expect(text).not.toContain("path-");
  });

  test("are handed on in seconds, and what was refused as too many by its kind", async () => {
    const seconds: number[] = [];
    const kinds: ThrottleKind[] = [];
    const it = await testApp({
      metrics: {
        ...createMetrics(),
        onRequest: (_, took) => void seconds.push(took),
        onThrottled: (kind) => void kinds.push(kind),
      },
      env: { LOGIN_FAILURES_PER_ACCOUNT: "1", LOGIN_FAILURES_PER_CLIENT: "2", REGISTRATIONS_PER_CLIENT: "1" },
    });
    const { username } = await it.newUser();
    it.state.address = uniqueAddress();
    const guess = (name: string) => it.post("/api/login", { username: name, password: "a wrong password" });
    for (const name of [username, username, unique("nobody"), unique("nobody")]) await guess(name);
    const register = () => it.post("/api/register", { username: unique("many"), password: PASSWORD });
    for (let n = 0; n < 2; n++) await register();
    expect(kinds).toEqual(["login_account", "login_client", "registration"]);
    // But for the document that the first app of a run is asked for, which nobody counts.
    const lines = it.logged.filter(({ fields }) => String(fields.route).startsWith("/api/"));
    expect(seconds).toHaveLength(lines.length);
    for (const [n, { fields }] of lines.entries())
      expect(Number(seconds[n]) * 1000).toBeCloseTo(fields.durationMs as number, 1);
  });

  test("that fail for the database count as such", async () => {
    const nowhere = { socketPath: "/nonexistent/latchkey.sock", user: "x", password: "y", database: "z" };
    const metrics = createMetrics();
    const { pool, db } = poolOn(nowhere);
    metrics.watchPool(pool);
    const app = await testApp({ db, metrics });
    for (let i = 0; i < 2; i++) await app.request("GET", "/readyz");
    const values = samples(await (await metrics.print()).text());
    expect(values.get('latchkey_failures_total{code="database_unavailable"}')).toBe(2);
    expect(values.get(answered("GET", "/readyz", 503))).toBe(2);
  });
});

test("without anybody who counts there is no /metrics", async () => {
  const { app } = await testApp();
  expect((await app.request("/metrics")).status).toBe(404);
});

test("a server of their own answers nothing else, and says if its port is taken", async () => {
  const { print } = createMetrics();
  const server = serveMetrics(print, { host: "127.0.0.1", port: 0 });
  try {
    expect((await fetch(`${server.url}metrics`)).status).toBe(200);
    const head = await fetch(`${server.url}metrics`, { method: "HEAD" });
    expect(Number(head.headers.get("Content-Length"))).toBeGreaterThan(1000);
    for (const path of ["", "livez", "metrics/x"])
      expect((await fetch(`${server.url}${path}`)).status).toBe(404);
    const taken = { host: "127.0.0.1", port: Number(server.port) };
    expect(() => serveMetrics(print, taken)).toThrow(`cannot listen at 127.0.0.1 port ${taken.port}`);
  } finally {
    await server.stop(true);
  }
});

test("the hash gate: what runs, what waits, how long, and what is refused", async () => {
  const { service } = await start({
    HASH_CONCURRENCY: "1",
    HASH_QUEUE_LIMIT: "3",
    ARGON2_MEMORY_KIB: "65536",
    ARGON2_TIME_COST: "2",
  });
  const begun = performance.now();
  const logins = Promise.all(
    Array.from({ length: 12 }, () => over(service).post("/api/login", { username: "x", password: "y" })),
  );
  await until(
    async () => {
      const values = samples(await scrape(service));
      return values.get("latchkey_hash_running") === 1 && (values.get("latchkey_hash_waiting") ?? 0) > 0;
    },
    () => "nothing was seen waiting",
  );
  const refused = (await logins).filter(({ status }) => status === 503).length;
  const values = samples(await scrape(service));
  expect(refused).toBeGreaterThan(0);
  expect(values.get("latchkey_hash_refusals_total")).toBe(refused);
  expect(values.get('latchkey_failures_total{code="overloaded"}')).toBe(refused);
  expect(values.get("latchkey_hash_wait_seconds_count")).toBe(12 - refused);
  const waited = values.get("latchkey_hash_wait_seconds_sum");
  expect(waited).toBeWithin(0.001, (3 * (performance.now() - begun)) / 1000); // three may wait at once
  expect([values.get("latchkey_hash_running"), values.get("latchkey_hash_waiting")]).toEqual([0, 0]);
});

test("the pool: connections open, at work and idle, who waits for one and for how long", async () => {
  const { service, target } = await start({ DATABASE_POOL_SIZE: "2" });
  const root = await rootConnection(target.database);
  await root.query("LOCK TABLES user WRITE");
  const nobody = { username: "nobody", password: "x" };
  const begun = performance.now();
  const held = Promise.all([1, 2, 3, 4].map(() => over(service).post("/api/login", nobody)));
  const pool = (values: Map<string, number>) =>
    ["connections_open", "connections_in_use", "connections_idle", "waiting"].map((name) =>
      values.get(`latchkey_pool_${name}`),
    );
  await until(
    async () => Bun.deepEquals(pool(samples(await scrape(service))), [2, 2, 0, 2]),
    () => "two never waited for the others",
  );
  await root.end();
  await held;
  const values = samples(await scrape(service));
  const [open = 0] = pool(values);
  expect([open > 0, pool(values)]).toEqual([true, [open, 0, open, 0]]);
  const count = values.get("latchkey_pool_wait_seconds_count") as number;
  expect(count).toBeGreaterThan(3);
  expect(values.get('latchkey_pool_wait_seconds_bucket{le="0.001"}')).toBeLessThan(count - 1);
  // Four waited, at the most, from then on; of the start's connections none took as long as a second.
  const waited = values.get("latchkey_pool_wait_seconds_sum");
  expect(waited).toBeWithin(0.001, (4 * (performance.now() - begun)) / 1000 + 1);
});

test("purges: runs by how they ended, rows, the time of the last success", async () => {
  const { service, pool } = await start({ PURGE_INTERVAL_SECONDS: "1" });
  const purged = (probe: (values: Map<string, number>) => boolean) =>
    until(
      async () => probe(samples(await scrape(service))),
      () => "the purge never got there",
    );
  await pool.query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ('a', 1), ('b', 1)");
  await purged((values) => values.get("latchkey_purge_rows_total") === 2);
  const values = samples(await scrape(service));
  expect(values.get('latchkey_purge_runs_total{result="done"}')).toBeGreaterThan(0);
  const at = values.get("latchkey_purge_last_success_timestamp_seconds") as number;
  expect(Math.abs(at - Date.now() / 1000)).toBeLessThan(60);
  await pool.query("RENAME TABLE revoked_tokens TO elsewhere");
  await purged((later) => (later.get('latchkey_purge_runs_total{result="failed"}') ?? 0) > 0);
});

test("a purge that finds another instance at it counts as such, and as no success", async () => {
  const { pool } = await migratedDatabase();
  const metrics = createMetrics();
  const silent = () => {};
  const run = () => purge(pool, Date.now, { info: silent, warn: silent, error: silent }, metrics.purge);
  const seen = async () => {
    const values = samples(await (await metrics.print()).text());
    const runs = ["done", "elsewhere", "failed"].map((result) =>
      values.get(`latchkey_purge_runs_total{result="${result}"}`),
    );
    return [...runs, (values.get("latchkey_purge_last_success_timestamp_seconds") ?? 0) > 0];
  };
  const holder = await pool.getConnection();
  await holder.query(`SELECT GET_LOCK(${lockName("purge")}, 0)`);
  await run();
  expect(await seen()).toEqual([0, 1, 0, false]);
  await holder.query(`SELECT RELEASE_LOCK(${lockName("purge")})`);
  holder.release();
  await run();
  expect(await seen()).toEqual([1, 1, 0, true]);
});

test("the process: its start, its CPU and how late it is in seconds, and none of it adds up from scrape to scrape", async () => {
  const begun = Date.now() / 1000;
  const { service } = await start();
  await over(service).newUser();
  const [first, second] = [samples(await scrape(service)), samples(await scrape(service))];
  const now = Date.now() / 1000;
  const startedAt = first.get("process_start_time_seconds") ?? 0;
  expect(startedAt).toBeWithin(begun - 1, now);
  expect(second.get("process_start_time_seconds")).toBe(startedAt);
  for (const name of ["process_cpu_user_seconds_total", "process_cpu_system_seconds_total"])
    expect(second.get(name)).toBeWithin(0.001, (now - begun) * cores());
  for (const name of ["latchkey_event_loop_lag_p99_seconds", "latchkey_event_loop_lag_max_seconds"])
    expect(first.get(name)).toBeWithin(0, now - begun);
  const memory = first.get("process_resident_memory_bytes") ?? 0;
  expect(memory).toBeWithin(20e6, 2e9);
  expect(second.get("process_resident_memory_bytes")).toBeLessThan(memory * 1.5);
});

test("throttles, each kind from 0", async () => {
  const metrics = createMetrics();
  metrics.onThrottled("login_client");
  const values = samples(await (await metrics.print()).text());
  const kinds = ["login_account", "login_client", "registration"];
  expect(kinds.map((kind) => values.get(`latchkey_throttled_total{kind="${kind}"}`))).toEqual([0, 1, 0]);
});

test("every metric of the alerts and the dashboard exists, and every one that exists is described", async () => {
  const { service } = await start();
  await over(service).newUser();
  const names = new Set(
    [...samples(await scrape(service)).keys()].map((sample) => sample.replace(/{.*/, "")),
  );
  const doc = (name: string) => readFileSync(join(import.meta.dir, "..", "..", "docs", name), "utf8");
  const named = (text: string) => text.match(/\b(http_request|latchkey|process)_[a-z0-9_]+/g) ?? [];
  const expressions = JSON.stringify(JSON.parse(doc("grafana.json")), (key, value) =>
    key === "title" || key === "description" ? undefined : value,
  );
  const alerts = doc("alerts.yml");
  for (const used of [...named(alerts), ...named(expressions)]) expect(names).toContain(used);
  expect(named(alerts).length).toBeGreaterThan(8);
  expect(named(expressions).length).toBeGreaterThan(15);
  const described = new Set(named(doc("operations.md")));
  for (const name of names) expect(described).toContain(name.replace(/_(bucket|sum|count)$/, ""));
  // Codes are labels, of the catalogue.
  const codes = [...`${alerts}${expressions}`.matchAll(/code=~?\\?"([^"\\]+)/g)].flatMap(
    ([, code]) => code?.split("|") ?? [],
  );
  for (const code of codes) expect(Object.keys(catalogue)).toContain(code);
  expect(codes.length).toBeGreaterThan(3);
});
