import { expect, test } from "bun:test";
import { TEST_SECRET } from "../support/app.ts";
import { databaseUrl } from "../support/database.ts";
import { faults } from "../support/faults.ts";
import { ownServer } from "../support/ownServer.ts";
import { over, spawn, startService, until } from "../support/process.ts";

test("a drain that does not end is cut off when its time and the limit are over, which is told", async () => {
  const drain = spawn("test/process/endlessDrain.ts", {}, ["0.2", "100"]);
  try {
    await until(
      () => drain.stdout() === "up\n",
      () => `it did not start: ${drain.stderr()}`,
      drain.process.exited,
    );
    drain.process.kill("SIGTERM");
    expect(await drain.process.exited).toBe(1);
    await until(drain.stderr.ended, () => "its standard error did not end");
    expect(drain.stderr()).toBe("latchkey ends in the midst of its shutdown: it took longer than 0.3 s\n");
  } finally {
    drain.process.kill("SIGKILL");
    await drain.process.exited;
  }
});

test("a frozen database, which a probe is waiting for, holds up no shutdown", async () => {
  await using server = await ownServer();
  const service = await startService({
    DATABASE_URL: databaseUrl(server.target),
    JWT_SECRET_KEY: TEST_SECRET,
  });
  const probe = () => over(service).withToken("GET", "/readyz", "");
  let heal = async () => {};
  try {
    expect((await probe()).status).toBe(200); // by a connection that stays open
    heal = await faults.frozen(server);
    const waiting = probe();
    await until(
      async () =>
        (await (await fetch(`${service.origin}/metrics`)).text()).includes(
          "latchkey_pool_connections_in_use 1\n",
        ),
      () => "the probe asks nothing",
    );
    service.process.kill("SIGTERM");
    const { status, body } = await waiting;
    expect([status, body.code]).toEqual([503, "database_unavailable"]);
    expect(await service.process.exited).toBe(0);
    await until(service.stdout.ended, () => "its log did not end");
    expect(service.stdout()).toContain('"stopped"');
  } finally {
    await heal();
    service.process.kill("SIGKILL");
    await service.process.exited;
  }
});
