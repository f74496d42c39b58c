import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { TEST_SECRET } from "../support/app.ts";
import { databaseUrl, migratedDatabase } from "../support/database.ts";
import { freePort, startHaproxy } from "../support/haproxy.ts";
import { type Running, startService, until } from "../support/process.ts";

// docs/haproxy.cfg in front of two instances that trust one proxy, as its head says.
const instances: Running[] = [];
const front = freePort();
let haproxy: Awaited<ReturnType<typeof startHaproxy>> | undefined;
beforeAll(async () => {
  const { target } = await migratedDatabase();
  const env = {
    DATABASE_URL: databaseUrl(target),
    JWT_SECRET_KEY: TEST_SECRET,
    TRUSTED_HOPS: "1",
    DOCS: "on",
  };
  const ports: [number, number] = [freePort(), freePort()];
  for (const port of ports) instances.push(await startService({ ...env, PORT: String(port) }));
  haproxy = await startHaproxy(ports, front);
}, 120_000);
afterAll(async () => {
  await haproxy?.stop();
  for (const { process } of instances) {
    process.kill("SIGKILL");
    await process.exited;
  }
});

/** The whole answer to a target that `fetch` would write in another way, and from another address of the loopback. */
const answer = (port: number, target: string, header = "", localAddress = "127.0.0.1") =>
  new Promise<string>((resolve, reject) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1", localAddress }, () =>
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n${header}Connection: close\r\n\r\n`),
    );
    socket.setEncoding("latin1").on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", reject).on("close", () => resolve(text));
  });

test("hides /metrics, however it is spelled", async () => {
  const spellings = ["/metrics", "/%6detrics", "/me%74ric%73", "/./metrics", "/a/../metrics", "/%2e/metrics"];
  const others = ["/x\\..\\metrics", "http://x/metrics", "http://x/%6detrics"];
  const broken = ["/%zz/../metrics", "/%zz/../%6detrics", "/%/../%6detrics", "http://x/%zz/../%6detrics"];
  const [direct] = instances.map(({ origin }) => Number(new URL(origin).port)) as [number];
  for (const target of [...spellings, ...others, ...broken]) {
    expect(await answer(direct, target)).toContain("latchkey_hash_running"); // it is one to the service
    expect((await answer(front, target)).slice(0, 13)).toBe("HTTP/1.1 404 ");
  }
});

test("hands on everything else", async () => {
  for (const path of ["/", "/livez", "/readyz", "/docs", "/docs/swagger-ui.css", "/openapi.json"])
    expect((await fetch(`http://127.0.0.1:${front}${path}`)).status).toBe(200);
});

test("tells the client's address, whatever the client says", async () => {
  const forged = "X-Forwarded-For: 192.0.2.66\r\nx-forwarded-for: 192.0.2.67, 192.0.2.68\r\n";
  const head = await answer(front, "/api/getUser", forged, "127.0.0.9");
  const [, requestId] = /^x-request-id: (\S+)/im.exec(head) ?? [];
  const line = await until(
    () =>
      instances
        .flatMap(({ stdout }) => stdout().split("\n"))
        .find((text) => text.includes(`"requestId":"${requestId}"`)),
    () => "the request is in no log",
  );
  expect(JSON.parse(line)).toMatchObject({ route: "/api/getUser", address: "127.0.0.9" });
});
