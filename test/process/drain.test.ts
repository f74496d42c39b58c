import { afterEach, expect, test } from "bun:test";
import { connect } from "node:net";
import { TEST_SECRET } from "../support/app.ts";
import { databaseUrl, migratedDatabase } from "../support/database.ts";
import { freePort } from "../support/haproxy.ts";
import { over, type Running, startService, until } from "../support/process.ts";
import { rollingRestart } from "../support/rolling.ts";

const started: Running[] = [];
const start = async (env: Record<string, string>) => {
  const { target } = await migratedDatabase();
  const running = await startService({
    DATABASE_URL: databaseUrl(target),
    JWT_SECRET_KEY: TEST_SECRET,
    ARGON2_MEMORY_KIB: "64",
    ARGON2_TIME_COST: "1",
    ...env,
  });
  started.push(running);
  return running;
};
afterEach(async () => {
  for (const { process } of started.splice(0)) {
    process.kill("SIGKILL");
    await process.exited;
  }
});

const said = (service: Running, word: string) =>
  until(
    () => service.stdout().includes(`"${word}"`),
    () => `never said ${word}`,
  );
const refusesConnections = (origin: string) =>
  until(
    () =>
      fetch(`${origin}/livez`).then(
        () => false,
        () => true,
      ),
    () => "still accepting",
  );

test("a drain: not ready at once, all else goes on, every answer closes its connection; a second signal ends it", async () => {
  const service = await start({ DRAIN_SECONDS: "300" });
  const { accessToken } = await over(service).newUser();
  const before = await fetch(`${service.origin}/readyz`);
  expect(before.status).toBe(200);
  expect(before.headers.get("Connection")).not.toBe("close");

  // A connection that was kept: its next answer is its last.
  const socket = connect(Number(new URL(service.origin).port), "127.0.0.1");
  let answers = "";
  socket.on("data", (data) => {
    answers += data;
  });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  const ask = () => socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  const answered = (times: number) =>
    until(
      () => answers.split("HTTP/1.1 200 OK").length === times + 1,
      () => `answered: ${answers}`,
    );
  ask();
  await answered(1);
  expect(answers).not.toMatch(/connection: close/i);

  service.process.kill("SIGTERM");
  await said(service, "draining");
  const ready = await over(service).withToken("GET", "/readyz", "");
  expect([ready.status, ready.body.code, ready.body.message]).toEqual([503, "overloaded", "Draining"]);
  const user = await over(service).withToken("GET", "/api/getUser", accessToken);
  expect(user.status).toBe(200);
  const unknown = await fetch(`${service.origin}/nope`);
  expect(unknown.status).toBe(404);
  for (const { headers } of [ready, user, unknown]) expect(headers.get("Connection")).toBe("close");
  ask();
  await answered(2);
  await closed;
  expect(answers).toMatch(/connection: close/i);
  expect(service.process.exitCode).toBeNull();
  service.process.kill("SIGTERM");
  expect(await service.process.exited).toBe(1);
});

test("with METRICS_PORT they are there and nowhere else, until the process ends", async () => {
  const port = freePort();
  const service = await start({ METRICS_PORT: String(port) });
  const metrics = `http://127.0.0.1:${port}`;
  expect((await fetch(`${service.origin}/metrics`)).status).toBe(404);
  expect((await fetch(`${metrics}/readyz`)).status).toBe(404);
  expect(await (await fetch(`${metrics}/metrics`)).text()).toContain("latchkey_hash_running 0");

  // A request under way keeps the process while its port is closed already.
  const socket = connect(Number(new URL(service.origin).port), "127.0.0.1").on("error", () => {});
  socket.write(
    "POST /api/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{",
  );
  await fetch(`${service.origin}/livez`);
  service.process.kill("SIGTERM");
  await refusesConnections(service.origin);
  const draining = await fetch(`${metrics}/metrics`);
  expect([draining.status, await draining.text()]).toEqual([200, expect.stringContaining("latchkey_pool_")]);
  socket.write("}");
  expect(await service.process.exited).toBe(0);
});

test("two instances restarted one after the other behind HAProxy, under load: none is lost, both end with 0", async () => {
  const { requests, succeeded, refused, ...not } = await rollingRestart({
    rounds: 1,
    users: 6,
    drainSeconds: 2,
  });
  expect(not).toEqual({ failed: 0, lost: 0, wrong: 0 });
  expect(succeeded + refused).toBe(requests);
  expect(refused).toBeGreaterThan(0);
}, 120_000);
