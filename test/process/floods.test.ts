import { afterEach, expect, test } from "bun:test";
import { createPasswords } from "../../src/auth/passwords.ts";
import { openDatabase, openPool } from "../../src/db/connection.ts";
import { bunHashing } from "../../src/runtime/bun.ts";
import { serve } from "../../src/runtime/server.ts";
import { CHEAP, CHEAP_ENV, PASSWORD, TEST_SECRET, testApp } from "../support/app.ts";
import { databaseUrl, migratedDatabase } from "../support/database.ts";
import { over, type Running, startService, until } from "../support/process.ts";
import { type RawConnection, rawConnect, rawLogin, rawRequest } from "../support/raw.ts";

const PLACES = { concurrency: 2, queueLimit: 3 };
const ALL_PLACES = PLACES.concurrency + PLACES.queueLimit;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Hashing that can be held up, and is counted. */
function heldHashing() {
  const { argon2, legacy } = bunHashing(CHEAP);
  const state = { held: false, running: 0, most: 0, ended: 0, release: () => {} };
  let free = Promise.resolve();
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    free = promise;
    Object.assign(state, { held: true, most: 0, ended: 0, release: resolve });
  };
  const counted = {
    hash: argon2.hash,
    async verify(password: string, stored: string) {
      state.most = Math.max(state.most, ++state.running);
      await free;
      const matches = await argon2.verify(password, stored);
      state.running--;
      state.ended++;
      return matches;
    },
  };
  return { state, hold, hashing: { argon2: counted, legacy } };
}

test("while the gate is full the surplus is refused and tokens are checked; who hangs up frees no place early, and leaks none", async () => {
  const { state, hold, hashing } = heldHashing();
  const app = await testApp({
    around: () => createPasswords(hashing, { format: "argon2id", cost: CHEAP, ...PLACES }),
  });
  const { username, accessToken } = await app.newUser();
  let gone = 0;
  const server = serve(
    (request, env) => {
      request.signal.addEventListener("abort", () => gone++);
      return app.app.fetch(request, env);
    },
    { host: "127.0.0.1", port: 0 },
  );
  closers.push(() => server.stop(true));
  const port = Number(server.port);
  const refused = (connections: RawConnection[]) =>
    connections.flatMap((connection) => connection.answers()).filter(({ status }) => status === 503);
  const crowd = async () => {
    const connections = await Promise.all(Array.from({ length: 20 }, () => rawConnect(port)));
    for (const connection of connections) connection.send(rawLogin(username, PASSWORD));
    await until(
      () => state.running === PLACES.concurrency && refused(connections).length >= 20 - ALL_PLACES,
      () => `${state.running} hashes run, ${refused(connections).length} logins were refused`,
    );
    return connections;
  };

  for (let round = 0; round < 2; round++) {
    hold();
    gone = 0;
    const connections = await crowd();
    const surplus = refused(connections);
    expect(surplus.length).toBe(20 - ALL_PLACES);
    for (const { body, headers } of surplus)
      expect([JSON.parse(body).code, headers.get("retry-after")]).toEqual(["overloaded", "1"]);
    expect((await app.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);

    for (const connection of connections) connection.hangUp();
    await until(
      () => gone === ALL_PLACES,
      () => `${gone} hang-ups were noticed`,
    );
    const late = await app.post("/api/login", { username, password: PASSWORD });
    expect([late.status, state.running]).toEqual([503, PLACES.concurrency]);

    state.release();
    await until(
      () => state.ended === ALL_PLACES,
      () => `${state.ended} hashes ended`,
    );
    expect([state.running, state.most]).toEqual([0, PLACES.concurrency]);
    await until(
      async () => (await app.post("/api/login", { username, password: PASSWORD })).status === 200,
      () => "no place is free again", // each is when its session is stored, a little later
    );
  }
});

test("a login or registration that finds no place is refused before the database is asked", async () => {
  const { target } = await migratedDatabase();
  const pool = openPool(target, 2);
  const { state, hold, hashing } = heldHashing();
  const app = await testApp({
    db: openDatabase(pool),
    around: () =>
      createPasswords(hashing, { format: "argon2id", cost: CHEAP, concurrency: 1, queueLimit: 0 }),
  });
  const credentials = { username: (await app.newUser()).username, password: PASSWORD };
  hold();
  const first = app.post("/api/login", credentials);
  await until(
    () => state.running === 1,
    () => "no hash runs",
  );
  await pool.end(); // whatever is asked from now on fails
  for (const path of ["/api/login", "/api/register"])
    expect((await app.post(path, credentials)).body.code).toBe("overloaded");
  expect(app.logged.filter(({ level }) => level !== "info")).toEqual([]); // a count that fails is logged
  state.release();
  await first;
  expect((await app.post("/api/login", credentials)).body.code).not.toBe("overloaded");
});

/** The real program. */
async function service(): Promise<Running & { port: number }> {
  const { target } = await migratedDatabase();
  const running = await startService({
    ...CHEAP_ENV,
    JWT_SECRET_KEY: TEST_SECRET,
    DATABASE_URL: databaseUrl(target),
  });
  closers.push(async () => {
    running.process.kill("SIGKILL");
    await running.process.exited;
  });
  return { ...running, port: Number(new URL(running.origin).port) };
}

test("requests that are sent before the last was answered get their own answers in order, where no database is asked", async () => {
  const { port } = await service();
  const connection = await rawConnect(port);
  const paths = ["/", "/livez", "/nowhere", "/api/getUser"];
  const sent = Array.from({ length: 100 }, (_, i) => ({ id: `request-${i}`, path: paths[i % 4] ?? "" }));
  connection.send(sent.map(({ id, path }) => rawRequest("GET", path, { "X-Request-Id": id })).join(""));
  const answers = await connection.until(100);
  connection.hangUp();
  expect(answers.map(({ status, headers }) => [headers.get("x-request-id"), status])).toEqual(
    sent.map(({ id }, i) => [id, [200, 200, 404, 401][i % 4]]),
  );
});

test("headers of 64 KB, unfinished heads and bodies, and bodies of many MB: the rest is still served", async () => {
  const running = await service();
  const { port } = running;
  const { accessToken } = await over(running).newUser();
  const json = { "Content-Type": "application/json" };
  const refusals: [number, string][] = [
    [431, rawRequest("GET", "/livez", { "X-Large": "x".repeat(65_536) })],
    [413, rawRequest("POST", "/api/login", { ...json, "Content-Length": "50000000" }, "{")],
    [
      413,
      rawRequest(
        "POST",
        "/api/login",
        { ...json, "Transfer-Encoding": "chunked" },
        `10000\r\n${"x".repeat(65_536)}\r\n`,
      ),
    ],
  ];
  const unfinished = [
    "GET /livez HTTP/1.1\r\nHo",
    rawRequest("POST", "/api/login", { ...json, "Content-Length": "50" }, "{"),
    rawRequest("POST", "/api/login", { ...json, "Transfer-Encoding": "chunked" }, "5\r\n{"),
  ];
  const connections: RawConnection[] = [];
  for (let i = 0; i < 20; i++) {
    for (const text of unfinished) {
      const connection = await rawConnect(port);
      connections.push(connection);
      connection.send(text);
    }
    for (const [status, text] of refusals) {
      const connection = await rawConnect(port);
      connections.push(connection);
      connection.send(text);
      expect((await connection.until(1)).map((answer) => answer.status)).toEqual([status]);
    }
  }
  expect((await over(running).withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
  for (const connection of connections) connection.hangUp();
  running.process.kill("SIGTERM");
  expect(await running.process.exited).toBe(0);
  expect(running.stdout()).toContain('"stopped"');
});
