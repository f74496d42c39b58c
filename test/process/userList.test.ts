import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { TEST_SECRET } from "../support/app.ts";
import { databaseUrl, migratedDatabase, rootConnection } from "../support/database.ts";
import { over, type Running, startService, until } from "../support/process.ts";

let service: Running;
let database: Connection;
let token: string;

/** Adds made-up users, without a password, until there are so many: each round as many as there are at the most. */
async function fill(wanted: number): Promise<void> {
  const [[row]] = await database.query<RowDataPacket[]>("SELECT COUNT(*) AS count FROM user");
  let count = row?.count as number;
  if (count > wanted) {
    await database.query("DELETE FROM user WHERE username <> 'somebody'");
    count = 1;
  }
  for (; count < wanted; count += Math.min(count, wanted - count)) {
    await database.query(
      `INSERT INTO user (username, created_at, updated_at)
       SELECT CONCAT('"', REPLACE(UUID(), '-', ''), '"'), created_at, updated_at FROM user ORDER BY id LIMIT ?`,
      [wanted - count],
    );
  }
}

beforeAll(async () => {
  const { target } = await migratedDatabase();
  database = await rootConnection(target.database); // without the time limits that the pool's connections have
  service = await startService({
    DATABASE_URL: databaseUrl(target),
    JWT_SECRET_KEY: TEST_SECRET,
    ARGON2_MEMORY_KIB: "64",
  });
  token = (await over(service).newUser("somebody")).accessToken;
});
afterAll(async () => {
  service.process.kill("SIGKILL");
  await service.process.exited;
  await database.end();
});

const list = (method = "GET") =>
  fetch(`${service.origin}/api/getUserList`, { method, headers: { Authorization: token } });
const stored = async () =>
  (
    await database.query<RowDataPacket[]>("SELECT id, username, created_at, updated_at FROM user ORDER BY id")
  )[0];

/** The request by hand, on a connection that is not read from until told to. */
function paused() {
  const socket = connect(Number(new URL(service.origin).port), "127.0.0.1");
  let text = "";
  socket.on("data", (data) => {
    text += data;
    socket.pause();
  });
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.write(`GET /api/getUserList HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\n\r\n`);
  const readAll = () => {
    socket.removeAllListeners("data");
    socket.on("data", (data) => {
      text += data;
    });
    socket.resume();
  };
  return { socket, closed, readAll, text: () => text };
}

describe("the list of all users", () => {
  test("up to 1000 of them comes whole, with its length; above that in pieces; always all of it", async () => {
    await database.query("DELETE FROM user WHERE username <> 'somebody'"); // what other tests have filled in
    for (const count of [2, 999, 1000, 1001, 4000, 4001, 4002, 7001]) {
      await fill(count);
      const answer = await list();
      const text = await answer.text();
      const expected = { success: true, message: "Ok", data: await stored() };
      expect(text).toBe(JSON.stringify(expected));
      expect(expected.data).toHaveLength(count);
      expect(answer.headers.get("Content-Type")).toBe("application/json");
      expect(answer.headers.get("Cache-Control")).toBe("no-store");
      expect(answer.headers.get("Content-Length")).toBe(
        count <= 1000 ? String(Buffer.byteLength(text)) : null,
      );
      const head = await list("HEAD");
      expect(head.headers.get("Content-Length")).toBe(answer.headers.get("Content-Length"));
    }
  });
  test("has names of any characters as JSON.stringify writes them, also in what follows the beginning", async () => {
    await fill(1001);
    const controls = Array.from({ length: 32 }, (_, code) => `c${code}${String.fromCharCode(code)}.`);
    const names = [
      'a"b',
      "a\\b",
      '\\"',
      "\\\\",
      "\\u0041",
      "/",
      "\u007f",
      "\u2028",
      "\uff02",
      "\uff3c",
      "é",
      "😀",
      "a,b{}[]:'",
    ];
    for (const name of [...controls, ...names])
      await database.query(
        "INSERT INTO user (username, created_at, updated_at) VALUES (?, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
        [name],
      );
    const data = await stored();
    expect(data.slice(-names.length).map(({ username }) => username)).toEqual(names);
    expect(await (await list()).text()).toBe(JSON.stringify({ success: true, message: "Ok", data }));
  });
  test("waits for its client, holding no connection, and stops when the client goes", async () => {
    await fill(200_000);
    const selects = async () => {
      const [rows] = await database.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Com_select'");
      return Number(rows[0]?.Value);
    };
    /** That many are asked once nothing is read any more. */
    const resting = () =>
      until(
        async () => {
          const before = await selects();
          for (let look = 0; look < 3; look++) {
            await Bun.sleep(100);
            if ((await selects()) !== before) return 0;
          }
          return before;
        },
        () => "the list is read on and on",
      );
    const before = await resting();
    const client = paused();
    await until(
      () => client.text().includes("somebody"),
      () => "no answer",
    );
    const waiting = await resting();
    expect(waiting - before).toBeLessThan(50); // 68 pages are all; some 20 fit into what lies between
    const [sleeping] = await database.query<RowDataPacket[]>(
      "SELECT id FROM information_schema.processlist WHERE command <> 'Sleep' AND id <> CONNECTION_ID() AND info LIKE '%limit%'",
    );
    expect(sleeping).toHaveLength(0);
    client.socket.destroy();
    expect((await resting()) - waiting).toBeLessThan(5);
  });
  test("is broken off, never ended as if complete, when the database fails midway", async () => {
    await fill(200_000);
    const client = paused();
    await until(
      () => client.text().includes("somebody"),
      () => "no answer",
    );
    await database.query("RENAME TABLE user TO user_elsewhere");
    try {
      client.readAll();
      await client.closed;
    } finally {
      await database.query("RENAME TABLE user_elsewhere TO user");
    }
    expect(client.text()).toStartWith("HTTP/1.1 200 OK");
    expect(client.text()).not.toContain("]}");
    expect(client.text().endsWith("0\r\n\r\n")).toBe(false);
    await until(
      () => service.stdout().includes("a list was broken off"),
      () => "nothing was logged",
    );
    expect((await list()).status).toBe(200);
  });
});
