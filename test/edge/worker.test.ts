import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { hashWerkzeug } from "../../src/auth/werkzeug.ts";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { legacyKdf } from "../../src/runtime/legacyKdf.ts";
import {
  type Answer,
  answerOf,
  CHEAP_ENV,
  PASSWORD,
  TEST_SECRET,
  type Tokens,
  testApp,
  unique,
  verbs,
} from "../support/app.ts";
import { databaseUrl, migratedDatabase, rootConnection } from "../support/database.ts";
import { collect } from "../support/process.ts";
import { rawConnect, rawRequest } from "../support/raw.ts";
import { overTcp } from "../support/targets/relay.ts";
import { type RunningWorkerd, startWorkerd } from "../support/targets/workerdProcess.ts";
import { until } from "../support/until.ts";

const ENTRY = "src/runtime/workerd.ts";
const LIMITS = { LOGIN_FAILURES_PER_ACCOUNT: "4" };

let target: DatabaseTarget;
let root: Connection;
/** The worker's own at the database, to tell its connections from others. */
const account = `edge${Math.random().toString(36).slice(2, 10)}`;
let url: string;
let worker: RunningWorkerd;
/** The same database's service on Bun, in this process. */
let onBun: Awaited<ReturnType<typeof testApp>>;
const bindings = () => ({ JWT_SECRET_KEY: TEST_SECRET, DATABASE_URL: url, ...CHEAP_ENV, ...LIMITS });
const on = ({ origin }: RunningWorkerd) =>
  verbs(async (method, path, init) => answerOf(await fetch(origin + path, { method, ...init })));

beforeAll(async () => {
  const { target: at, db } = await migratedDatabase();
  target = at;
  root = await rootConnection(target.database);
  onBun = await testApp({ db, env: LIMITS }, "app");
  // Without a password: MySQL sees the relay's Unix socket, and would ask to be told it in clear.
  await root.query(`CREATE USER ${account}@localhost IDENTIFIED BY ''`);
  await root.query(`GRANT ALL ON ${target.database}.* TO ${account}@localhost`);
  url = databaseUrl(await overTcp({ ...target, user: account, password: "" }));
  worker = await startWorkerd(ENTRY, bindings());
});
afterAll(async () => {
  await worker.stop();
  await root.end();
});

/** Connections that the worker has to the database at the moment, of those that ask something like this. */
const connections = async (info?: string) => {
  const asking = info === undefined ? "" : "AND info LIKE ?";
  const text = `SELECT id FROM information_schema.processlist WHERE user = ? ${asking}`;
  return (await root.query<RowDataPacket[]>(text, [account, info]))[0].length;
};
const asks = async (info: string) => (await connections(info)) > 0;

const noneLeft = () =>
  until(
    async () => (await connections()) === 0,
    () => "a request has left its connection open",
  );
/** How many the server has accepted in all. */
const accepted = async () =>
  Number((await root.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Connections'"))[0][0]?.Value);

/** A request by hand, on a connection that is not read from after its first piece until told to. */
function byHand(method: string, path: string, headers: Record<string, string>, body = "", at = worker) {
  const socket = connect(Number(new URL(at.origin).port), "127.0.0.1");
  let text = "";
  socket
    .on("error", () => {})
    .on("data", (data) => {
      text += data;
      socket.pause();
    });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.write(rawRequest(method, path, headers, body));
  const readAll = () => {
    socket.removeAllListeners("data");
    socket.on("data", (data) => {
      text += data;
    });
    socket.resume();
  };
  return { socket, closed, readAll, text: () => text };
}

test("a body that can't be read is no failure of the service, and of a GET none is looked at, as on Bun", async () => {
  const port = Number(new URL(worker.origin).port);
  const chunked = { "Content-Type": "application/json", "Transfer-Encoding": "chunked" };
  for (const body of ["zz\r\nabc\r\n0\r\n\r\n", '3\r\n{"a\r\nzz\r\n']) {
    const broken = await rawConnect(port);
    broken.send(rawRequest("POST", "/api/login", chunked, body));
    const [answer] = await broken.until(1);
    expect([answer?.status, JSON.parse(answer?.body ?? "").code]).toEqual([400, "malformed_json"]);
    broken.hangUp();
  }
  const large = await rawConnect(port);
  large.send(rawRequest("GET", "/livez", {}, "y".repeat(20_000)));
  expect((await large.until(1))[0]?.status).toBe(200);
  large.hangUp();
  expect(worker.output()).not.toContain("internal error");
});

describe("a request's connection", () => {
  test("is opened by those that ask the database, and is gone when they are answered", async () => {
    const it = on(worker);
    const { accessToken } = await it.newUser();
    const before = await accepted();
    await it.post("/api/login", { username: 1 });
    for (const path of ["/", "/livez", "/nope"]) await fetch(worker.origin + path);
    expect((await it.withToken("GET", "/api/getUser", `${accessToken}x`)).status).toBe(401);
    expect(await accepted()).toBe(before);
    expect((await it.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
    expect((await it.withToken("GET", "/api/getUserList?limit=9", accessToken)).status).toBe(200);
    expect(await accepted()).toBe(before + 2);
    await noneLeft();
  });
  test("is nobody else's: many at once are all answered", async () => {
    const it = on(worker);
    const { username, accessToken } = await it.newUser();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        i % 5 === 0
          ? it.post("/api/login", { username, password: PASSWORD })
          : it.withToken("GET", i % 5 === 1 ? "/api/getUser" : "/api/getUserList?limit=9", accessToken),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(60).fill(200));
    await noneLeft();
  });
  test("is asked for by few logins of a client at once: of more, the rest is refused at once, without a question", async () => {
    const { username } = await on(worker).newUser();
    const locker = await rootConnection(target.database);
    let logins: Promise<Answer>[] = [];
    let refused = 0;
    try {
      await locker.query("LOCK TABLES user WRITE"); // so that none ends
      logins = Array.from({ length: 20 }, () =>
        on(worker).post("/api/login", { username, password: PASSWORD }),
      );
      for (const login of logins) login.then(({ body }) => body.code === "overloaded" && refused++);
      await until(
        () => refused === 8,
        () => `${refused} were refused`,
      );
    } finally {
      await locker.end();
    }
    const statuses = (await Promise.all(logins)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(12);
    expect((await on(worker).post("/api/login", { username, password: PASSWORD })).status).toBe(200);
    await noneLeft();
  });
  test("outlives a client that hangs up, so that what it tried is counted", async () => {
    const { username } = await on(worker).newUser();
    const failures = async () =>
      (
        await root.query<RowDataPacket[]>(
          `SELECT count FROM attempt JOIN user ON bucket LIKE CONCAT('failed:user:', id, ':client:%')
           WHERE username = ?`,
          [username],
        )
      )[0][0]?.count;
    const locker = await rootConnection(target.database);
    try {
      await locker.query("LOCK TABLES user WRITE");
      const body = JSON.stringify({ username, password: "a wrong guess" });
      const client = byHand("POST", "/api/login", { "Content-Type": "application/json" }, body);
      await until(
        () => asks("%FROM user u WHERE%"),
        () => "it asks nothing",
      );
      client.socket.destroy();
      await client.closed;
    } finally {
      await locker.end();
    }
    await until(
      async () => (await failures()) === 1,
      () => "it was not counted",
    );
    await noneLeft();
  });
});

describe("the connection of a list that comes in pieces", () => {
  beforeAll(async () => {
    await on(worker).newUser();
    await fill(50_000);
  });
  afterAll(async () => void (await root.query("DELETE FROM user WHERE pwd IS NULL")));

  test("lasts as long as a list is read, and no longer than its client stays", async () => {
    const { accessToken } = await on(worker).newUser();
    const client = byHand("GET", "/api/getUserList", { Authorization: accessToken });
    await until(
      () => client.text().includes('"username"'),
      () => "no answer",
    );
    expect(await connections()).toBe(1);
    client.socket.destroy();
    await noneLeft();
    const answer = await fetch(`${worker.origin}/api/getUserList`, {
      headers: { Authorization: accessToken },
    });
    const [[row]] = await root.query<RowDataPacket[]>("SELECT COUNT(*) AS users FROM user");
    expect(((await answer.json()) as { data: unknown[] }).data).toHaveLength(row?.users);
    await noneLeft();
  });
  test("is closed when the client has gone before its list begins", async () => {
    const impatient = await startWorkerd("test/edge/impatient.ts", bindings());
    const locker = await rootConnection(target.database);
    try {
      const whole = (await (await fetch(impatient.origin)).json()) as { data: unknown[] };
      expect(whole.data.length).toBeGreaterThan(40_000); // so what asks below is a list in pieces
      await noneLeft();
      await locker.query("LOCK TABLES user WRITE");
      const client = byHand("GET", "/", {}, "", impatient);
      await until(
        () => asks("SELECT id,%"),
        () => "it asks nothing",
      );
      client.socket.resetAndDestroy();
      await client.closed;
      await locker.query("UNLOCK TABLES");
      await noneLeft();
    } finally {
      await locker.end();
      await impatient.stop();
    }
  });
  test("is closed when only the head of a list was asked for", async () => {
    const { accessToken } = await on(worker).newUser();
    const headers = { Authorization: accessToken };
    const answer = await fetch(`${worker.origin}/api/getUserList`, { method: "HEAD", headers });
    expect(answer.status).toBe(200);
    await noneLeft();
  });
  test("is closed when a list is broken off, which never ends as if complete", async () => {
    const { accessToken } = await on(worker).newUser();
    const client = byHand("GET", "/api/getUserList", { Authorization: accessToken });
    await until(
      () => client.text().includes('"username"'),
      () => "no answer",
    );
    await root.query("RENAME TABLE user TO user_elsewhere");
    try {
      client.readAll();
      await client.closed;
    } finally {
      await root.query("RENAME TABLE user_elsewhere TO user");
    }
    expect(client.text()).toStartWith("HTTP/1.1 200 OK");
    expect(client.text()).not.toContain("]}");
    await until(
      () => worker.output().includes("a list was broken off"),
      () => "nothing was logged",
    );
    await noneLeft();
  });
});

describe("hashes that the seed left", () => {
  const add = async (pwd: string, salt: string | null) => {
    const username = unique("old");
    await root.query<ResultSetHeader>(
      "INSERT INTO user (username, pwd, salt, created_at, updated_at) VALUES (?, ?, ?, NOW(), NOW())",
      [username, pwd, salt],
    );
    return username;
  };
  const attempt = (username: string, password = PASSWORD) =>
    on(worker).post("/api/login", { username, password });

  test("of more PBKDF2 than Cloudflare computes are refused, and that is no failed attempt", async () => {
    const stored = await hashWerkzeug(legacyKdf, PASSWORD);
    const username = await add(stored.pwd, stored.salt);
    for (let tries = 0; tries < 6; tries++) {
      const answer = await attempt(username, tries % 2 ? PASSWORD : "wrong");
      expect([answer.status, answer.body.code]).toEqual([501, "hash_unsupported"]);
      expect(answer.body.message).toContain("main service");
    }
    const line = worker
      .output()
      .split("\n")
      .find((one) => one.includes("cannot be verified"));
    expect(JSON.parse(line ?? "")).toMatchObject({ fault: "unsupported", method: "pbkdf2:sha256:260000" });
    for (const part of [stored.salt, ...stored.pwd.split("$").slice(1)])
      expect(worker.output()).not.toContain(part);
    // One login on Bun renews it, and that hash is good here.
    await onBun.login(username);
    expect((await attempt(username)).status).toBe(200);
  });
  test("that an isolate can compute let their owners in, and are renewed for Bun too", async () => {
    const salt = "0123456789abcdef";
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
    const pbkdf2 = await legacyKdf.pbkdf2("sha256", `row${PASSWORD}`, salt, 100_000, 32);
    const scrypt = await legacyKdf.scrypt(`row${PASSWORD}`, salt, { n: 32_768, r: 8, p: 1 }, 64);
    for (const pwd of [
      `pbkdf2:sha256:100000$${salt}$${hex(pbkdf2)}`,
      `scrypt:32768:8:1$${salt}$${hex(scrypt)}`,
    ]) {
      const username = await add(pwd, "row");
      expect((await attempt(username, "wrong")).body.code).toBe("invalid_password");
      expect((await attempt(username)).status).toBe(200);
      const [[row]] = await root.query<RowDataPacket[]>("SELECT pwd FROM user WHERE username = ?", [
        username,
      ]);
      expect(row?.pwd).toStartWith("$argon2id$");
      await onBun.login(username);
    }
  });
});

test("the address of a client is the platform's word, and no header of its own", async () => {
  const address = { "CF-Connecting-IP": "203.0.113.66" };
  const seen = async (it: RunningWorkerd, headers: Record<string, string>) => {
    const { username } = await on(it).newUser();
    const { data } = (await on(it).post("/api/login", { username, password: PASSWORD }, headers)).body;
    const list = await on(it).withToken("GET", "/api/getSessionList", (data as Tokens).accessToken);
    return (list.body.data as { current: boolean; address: string }[]).find(({ current }) => current)
      ?.address;
  };
  expect(await seen(worker, address)).toBe("127.0.0.1");
  const cloudflare = await startWorkerd(ENTRY, bindings(), { http: '(cfBlobHeader = "X-Test-Cf")' });
  try {
    expect(await seen(cloudflare, { ...address, "X-Test-Cf": '{"colo":"TST"}' })).toBe("203.0.113.66");
  } finally {
    await cloudflare.stop();
  }
});

test("a configuration that is no good: the envelope, and every problem in the log without a secret", async () => {
  const bad = {
    JWT_SECRET_KEY: "hunter2",
    DATABASE_URL: "mysql://u:very-secret@h:1/d",
    DATABASE_TLS: "on",
    PASSWORD_FORMAT: "werkzeug",
    ARGON2_MEMORY_KIB: "100000",
    NODE_ENV: "production",
  };
  const broken = await startWorkerd(ENTRY, { ...bad, PORT: "x" });
  const worse = await startWorkerd(ENTRY, { ...bad, JWT_SECRET_KEY: TEST_SECRET, NODE_ENV: "development" });
  try {
    for (const it of [broken, worse]) {
      const answer = await answerOf(await fetch(`${it.origin}/livez`));
      expect([answer.status, answer.body.code]).toEqual([500, "internal_error"]);
      expect(answer.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
      for (const secret of ["hunter2", "very-secret", TEST_SECRET]) expect(it.output()).not.toContain(secret);
    }
    for (const name of ["JWT_SECRET_KEY", "PORT"])
      expect(broken.output()).toContain(`configuration: ${name} `);
    for (const name of ["DATABASE_TLS", "PASSWORD_FORMAT", "ARGON2_MEMORY_KIB"])
      expect(worse.output()).toContain(`configuration: ${name} `);
  } finally {
    await broken.stop();
    await worse.stop();
  }
});

test("the cron trigger purges what has expired", async () => {
  await root.query(
    "INSERT INTO revoked_tokens (jti, expires_at) VALUES ('expired', 1), ('standing', 99999999999)",
  );
  const purging = await startWorkerd("test/edge/scheduled.ts", bindings());
  try {
    expect(await (await fetch(purging.origin)).text()).toBe("done");
    const [rows] = await root.query("SELECT jti FROM revoked_tokens WHERE jti IN ('expired', 'standing')");
    expect(rows).toEqual([{ jti: "standing" }] as never);
    expect(purging.output()).toContain("purged expired rows");
    await noneLeft();
  } finally {
    await purging.stop();
  }
});

test("a line a request on the console, of allowed fields, and none that holds what was sent", async () => {
  const { username, accessToken } = await on(worker).newUser(unique("logged"));
  const requestId = unique("logged");
  await fetch(`${worker.origin}/api/getUserList?secret=${PASSWORD}`, {
    headers: { Authorization: accessToken, "X-Request-Id": requestId },
  });
  await until(
    () => /"request"\}\n$/.test(worker.stdout()) && worker.stdout().includes(requestId),
    () => "no line was written",
  );
  const lines = worker
    .stdout()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const secret of [PASSWORD, username, accessToken.slice(7, 60), "$argon2", TEST_SECRET])
    expect(worker.output()).not.toContain(secret);
  const request = lines.findLast(({ msg }) => msg === "request");
  const fields = [
    "level",
    "time",
    "requestId",
    "method",
    "route",
    "status",
    "durationMs",
    "address",
    "userId",
    "msg",
  ];
  expect(Object.keys(request)).toEqual(fields);
});

test("workerd ends with the process that started it, however that ends", async () => {
  const owner = Bun.spawn([process.execPath, "test/edge/owner.ts"], { stdout: "pipe", stderr: "inherit" });
  const out = collect(owner.stdout);
  const pid = Number(
    await until(
      () => /^(\d+)\n/.exec(out())?.[1],
      () => "it did not start",
      owner.exited,
    ),
  );
  const alive = () => Bun.spawnSync(["ps", "-p", String(pid)]).exitCode === 0;
  expect(alive()).toBe(true);
  owner.kill("SIGKILL");
  await until(
    () => !alive(),
    () => "workerd was left behind",
  );
});

/** Adds made-up users, from one that there is, until there are so many. */
async function fill(wanted: number): Promise<void> {
  for (;;) {
    const [[row]] = await root.query<RowDataPacket[]>("SELECT COUNT(*) AS users FROM user");
    if (row?.users >= wanted) return;
    await root.query(
      `INSERT INTO user (username, created_at, updated_at)
       SELECT UUID(), created_at, updated_at FROM user ORDER BY id LIMIT ?`,
      [wanted - row?.users],
    );
  }
}
