import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { getPriority } from "node:os";
import { join } from "node:path";
import { serve } from "../../src/runtime/server.ts";
import { PASSWORD, TEST_SECRET, type Tokens, unique } from "../support/app.ts";
import { databaseUrl, emptyDatabase, migratedDatabase, rootConnection } from "../support/database.ts";
import { freePort } from "../support/haproxy.ts";
import { collect, over, type Running, run, startService, until } from "../support/process.ts";
import { rawConnect } from "../support/raw.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const started: Running[] = [];
const start = async (env: Record<string, string>) => {
  const running = await startService({
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

describe("start", () => {
  test("migrates, listens, serves; the log is JSON lines and knows the client's address", async () => {
    const service = await start({ DATABASE_URL: databaseUrl(await emptyDatabase()) });
    const { accessToken, username } = await over(service).newUser();
    const list = await over(service).withToken("GET", "/api/getUserList", accessToken);
    expect((list.body.data as { username: string }[]).map((user) => user.username)).toEqual([username]);
    const requests = () =>
      service
        .stdout()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg === "request");
    await until(
      () => requests().length === 3,
      () => "not all requests were logged",
    );
    expect(requests().map(({ route, address }) => [route, address])).toEqual([
      ["/api/register", "127.0.0.1"],
      ["/api/login", "127.0.0.1"],
      ["/api/getUserList", "127.0.0.1"],
    ]);
  });
  test("with MIGRATE_ON_START=off it applies none, and says so if some are missing", async () => {
    const env = {
      DATABASE_URL: databaseUrl(await emptyDatabase()),
      JWT_SECRET_KEY: TEST_SECRET,
      MIGRATE_ON_START: "off",
      PORT: "0",
    };
    const refused = await run("src/index.ts", env);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("bun run db:migrate");
    const help = await run("src/commands/migrate.ts", env, ["--help"]);
    expect([help.exitCode, help.stdout]).toEqual([0, expect.stringContaining("No command takes that back")]);
    expect((await run("src/commands/migrate.ts", env, ["--dry-run"])).exitCode).toBe(2);
    expect((await run("src/index.ts", env)).exitCode).toBe(1); // neither has migrated anything
    const migrated = await run("src/commands/migrate.ts", env);
    expect([migrated.exitCode, migrated.stderr]).toEqual([0, expect.stringContaining("migrated")]);
    expect((await over(await start(env)).newUser()).accessToken).toStartWith("Bearer ");
  });
  test("a faulty configuration ends it with one message that lists everything", async () => {
    const refused = await run("src/index.ts", { NODE_ENV: "production", PORT: "x", JWT_SECRET_KEY: "hush" });
    expect(refused.exitCode).toBe(1);
    for (const name of ["PORT", "DATABASE_URL", "JWT_SECRET_KEY"])
      expect(refused.stderr).toContain(`  - ${name} `);
    expect(refused.stderr).not.toContain("hush");
    expect(refused.stdout).toBe("");
  });
  test("a database that refuses us or is not there is named, its password is not", async () => {
    const base = { JWT_SECRET_KEY: TEST_SECRET, PORT: "0" };
    const nowhere = await run("src/index.ts", { ...base, DATABASE_URL: "mysql://u:hush-hush@127.0.0.1:1/x" });
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([1, expect.stringContaining("ECONNREFUSED")]);
    const missing = { ...(await emptyDatabase()), database: "no_such_database" };
    const unknown = await run("src/index.ts", { ...base, DATABASE_URL: databaseUrl(missing) });
    expect([unknown.exitCode, unknown.stderr]).toEqual([1, expect.stringContaining("ER_BAD_DB_ERROR")]);
    expect(nowhere.stderr + nowhere.stdout).not.toContain("hush-hush");
  });
  test("whatever else stops it is not called the database's fault", async () => {
    const { target } = await migratedDatabase();
    const base = { JWT_SECRET_KEY: TEST_SECRET, DATABASE_URL: databaseUrl(target), PORT: "0" };
    const elsewhere = await run("src/index.ts", { ...base, HOST: "203.0.113.7" });
    expect([elsewhere.exitCode, elsewhere.stderr]).toEqual([
      1,
      expect.stringContaining("cannot listen at 203.0.113.7"),
    ]);
    const noFolder = await run("src/index.ts", { PORT: "0", DATA_DIR: "package.json" });
    expect([noFolder.exitCode, noFolder.stderr]).toEqual([
      1,
      expect.stringContaining("no signing secret can be kept in package.json"),
    ]);
    const noSocket = await run("src/index.ts", {
      ...base,
      DATABASE_URL: "mysql://u:p@localhost/x?socket=/nonexistent.sock",
    });
    expect([noSocket.exitCode, noSocket.stderr]).toEqual([1, expect.stringContaining("no such socket")]);
  });
  test("a taken port is named", async () => {
    const { target } = await migratedDatabase();
    const service = await start({ DATABASE_URL: databaseUrl(target) });
    const second = await run("src/index.ts", {
      DATABASE_URL: databaseUrl(target),
      JWT_SECRET_KEY: TEST_SECRET,
      PORT: new URL(service.origin).port,
    });
    expect([second.exitCode, second.stderr]).toEqual([1, expect.stringContaining("is the port taken")]);
  });
});

describe("two instances on one database", () => {
  test("start at once on an empty one, and a logout at one counts at the other at the next request", async () => {
    const env = { DATABASE_URL: databaseUrl(await emptyDatabase()) };
    const [one, two] = await Promise.all([start(env), start(env)]);
    const { accessToken, refreshToken } = await over(one).newUser();
    expect((await over(two).withToken("GET", "/api/getUserList", accessToken)).status).toBe(200);
    expect((await over(one).withToken("POST", "/api/logout", accessToken)).status).toBe(200);
    expect((await over(two).withToken("GET", "/api/getUserList", accessToken)).body.code).toBe(
      "token_revoked",
    );
    expect((await over(two).withToken("GET", "/api/refreshToken", refreshToken)).body.code).toBe(
      "token_revoked",
    );
  });
  test("of registrations of one name at both, one succeeds", async () => {
    const env = { DATABASE_URL: databaseUrl(await emptyDatabase()) };
    const both = await Promise.all([start(env), start(env)]);
    const body = { username: unique("race"), password: PASSWORD };
    const answers = await Promise.all(
      [0, 1, 0, 1, 0, 1].map((i) => over(both[i] as Running).post("/api/register", body)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
  });
});

describe("signals", () => {
  /** A request that is under way: its body is being sent. */
  const halfSent = async (service: Running) => {
    const body = JSON.stringify({ username: unique("slow"), password: PASSWORD });
    const socket = connect(Number(new URL(service.origin).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    await new Promise((resolve) => socket.on("connect", resolve));
    socket.write(
      `POST /api/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
    );
    // A second request that is answered shows that the first has reached the server.
    await fetch(`${service.origin}/livez`);
    return { finish: () => socket.write(body.slice(9)), answer: () => answer, closed };
  };

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal}: finishes what is in flight, takes nothing new, exits with 0`, async () => {
      const { target } = await migratedDatabase();
      const service = await start({ DATABASE_URL: databaseUrl(target) });
      const slow = await halfSent(service);
      service.process.kill(signal);
      await until(
        () => service.stdout().includes('"draining"'),
        () => "no drain",
      );
      await until(
        () =>
          fetch(`${service.origin}/livez`).then(
            () => false,
            () => true,
          ),
        () => "still accepting",
      );
      expect(service.process.exitCode).toBeNull();
      slow.finish();
      expect(await service.process.exited).toBe(0);
      await slow.closed;
      expect(slow.answer()).toStartWith("HTTP/1.1 200 OK");
      expect(service.stdout()).toContain('"stopped"');
    });
  }
  test("a second signal ends it at once", async () => {
    const { target } = await migratedDatabase();
    const service = await start({ DATABASE_URL: databaseUrl(target) });
    await halfSent(service);
    service.process.kill("SIGTERM");
    await until(
      () => service.stdout().includes('"draining"'),
      () => "no drain",
    );
    expect(service.process.exitCode).toBeNull();
    service.process.kill("SIGTERM");
    expect(await service.process.exited).toBe(1);
    await until(
      () => service.stderr().includes("in the midst of its shutdown: there is another reason to (SIGTERM)"),
      () => `it did not say why it ended: ${service.stderr()}`,
    );
  });
});

test("a request without a usable Host, as load balancers send them, is served", async () => {
  const { target } = await migratedDatabase();
  const service = await start({ DATABASE_URL: databaseUrl(target) });
  const exchange = (request: string) =>
    new Promise<string>((resolve) => {
      let answer = "";
      const socket = connect(Number(new URL(service.origin).port), "127.0.0.1", () => socket.write(request));
      socket.on("data", (data) => {
        answer += data;
        if (answer.includes("}")) socket.destroy();
      });
      socket.on("close", () => resolve(answer));
    });
  for (const head of ["GET /readyz HTTP/1.0\r\n\r\n", "GET /readyz?x=%41 HTTP/1.1\r\nHost:\r\n\r\n"]) {
    expect(await exchange(head)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*"success":true/);
  }
  const list = await exchange("GET /api/getUserList HTTP/1.0\r\nAuthorization: Basic x, Bearer y\r\n\r\n");
  expect(list).toContain("token_malformed");
  for (const host of ["", "x:99999", "1.2.3.999", "[::1", "a b"]) {
    const rest = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    expect(await exchange(`POST /api/login HTTP/1.1\r\nHost: ${host}\r\n${rest}`)).toContain(
      "validation_failed",
    );
  }
});

test("a connection ends with a request in chunks: its trailers are no next request, for which a proxy had somebody else's answer", async () => {
  const { target } = await migratedDatabase();
  const service = await start({ DATABASE_URL: databaseUrl(target) });
  const connection = await rawConnect(Number(new URL(service.origin).port));
  const head = "POST /api/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  connection.send(`${head}0\r\nX-Trailer: y\r\n\r\n`);
  await connection.closed;
  const [answer] = connection.answers(); // what comes after it nobody waits for
  expect([answer?.status, answer?.headers.get("connection")]).toEqual([415, "close"]);
});

test("a client that goes away while its body is read is no failure of the service", async () => {
  const { target } = await migratedDatabase();
  const service = await start({ DATABASE_URL: databaseUrl(target) });
  const socket = connect(Number(new URL(service.origin).port), "127.0.0.1");
  await new Promise((resolve) => socket.on("connect", resolve));
  socket.end(
    "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
  );
  const line = await until(
    () => /.*"route":"\/api\/login".*/.exec(service.stdout())?.[0],
    () => "no log line",
  );
  expect(JSON.parse(line)).toMatchObject({ status: 400, code: "malformed_json" });
  expect(service.stdout()).not.toContain('"level":"error"');
});

test("expired rows are purged while it runs", async () => {
  const { target, pool } = await migratedDatabase();
  await pool.query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ('old', 1), ('kept', 9999999999)");
  const service = await start({ DATABASE_URL: databaseUrl(target), PURGE_INTERVAL_SECONDS: "1" });
  await until(
    () => service.stdout().includes('"purged expired rows"'),
    () => "nothing was purged",
  );
  const [rows] = await pool.query("SELECT jti FROM revoked_tokens");
  expect(rows).toEqual([{ jti: "kept" }] as never);
});

test("more hashing than may wait is refused at once", async () => {
  const service = await start({
    DATABASE_URL: databaseUrl(await emptyDatabase()),
    HASH_CONCURRENCY: "1",
    HASH_QUEUE_LIMIT: "1",
    ARGON2_MEMORY_KIB: "65536", // takes longer than it takes the requests to arrive
  });
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => over(service).post("/api/login", { username: "x", password: "y" })),
  );
  const codes = answers.map(({ body }) => body.code);
  expect(new Set(codes)).toEqual(new Set(["unknown_username", "overloaded"]));
  const refused = answers.find(({ status }) => status === 503);
  expect(refused?.headers.get("Retry-After")).toBe("1");
});

test("hashes give way: their threads have a lower priority than the one that answers", async () => {
  const { target } = await migratedDatabase();
  const service = await start({ DATABASE_URL: databaseUrl(target) });
  await over(service).newUser();
  const tasks = `/proc/${service.process.pid}/task`;
  // proc(5): the name in parentheses is the 2nd field of `stat`, the nice value the 19th.
  const threads = () =>
    readdirSync(tasks).map((id) => {
      const [, name = "", rest = ""] =
        /\((.*)\) (.*)/.exec(readFileSync(`${tasks}/${id}/stat`, "utf8")) ?? [];
      return { name, nice: Number(rest.split(" ")[16]), main: Number(id) === service.process.pid };
    });
  const nicer = Math.min(getPriority() + 10, 19);
  await until(
    () => threads().some(({ name, nice }) => name.startsWith("Bun Pool") && nice === nicer),
    () => `no thread gives way: ${JSON.stringify(threads())}`,
  );
  expect(threads().find(({ main }) => main)?.nice).toBe(getPriority());
});

test("what is logged and printed by a process holds no password, token or hash", async () => {
  const { target } = await migratedDatabase();
  const root = await rootConnection();
  await root.query(
    `CREATE USER service@localhost IDENTIFIED BY 'hush-hush'; GRANT ALL ON ${target.database}.* TO service@localhost`,
  );
  await root.end();
  const account = { ...target, user: "service", password: "hush-hush" };
  const service = await start({ DATABASE_URL: databaseUrl(account), LOG_LEVEL: "trace" });
  const tokens: Tokens[] = [await over(service).newUser()];
  await over(service).post("/api/login", { username: "x", password: PASSWORD });
  await fetch(`${service.origin}/api/getUserList?token=${tokens[0]?.accessToken}`);
  await until(
    () => service.stdout().includes('"route":"/api/getUserList"'),
    () => "no line was written",
  );
  const said = service.stdout() + service.stderr();
  for (const secret of [PASSWORD, TEST_SECRET, "$argon2", "eyJ", "hush-hush"])
    expect(said).not.toContain(secret);
});

test.each([
  ["a log that can not be written costs lines", 'exec "$@" > /dev/full 2> /dev/null'],
  [
    "a reader of standard error that has ended costs what it was to be told",
    'exec "$@" > /dev/null 2> >(exec true)',
  ],
])("%s, and neither the service nor its end", async (_, script) => {
  const port = freePort();
  const command = ["bash", "-c", script, "bash", process.execPath, "--no-env-file", "run", "src/index.ts"];
  const service = Bun.spawn(command, {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      HOST: "127.0.0.1",
      JWT_SECRET_KEY: TEST_SECRET,
      DATABASE_URL: databaseUrl((await migratedDatabase()).target),
    },
    stdin: "ignore",
    stdout: "ignore",
  });
  try {
    const alive = () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        ({ status }) => status === 200,
        () => false,
      );
    await until(alive, () => "it did not start", service.exited);
    for (let request = 0; request < 50; request++) {
      expect(await alive()).toBe(true);
      await Bun.sleep(10); // lines are written several times
    }
    service.kill("SIGTERM");
    expect(await service.exited).toBe(0);
  } finally {
    service.kill("SIGKILL");
    await service.exited;
  }
});

test("the log goes on in order when its reader is back, also after more than is kept was lost", async () => {
  await using folder = temporaryFolder("log");
  const fifo = join(folder.path, "log");
  await Bun.$`mkfifo ${fifo}`;
  const read = () => {
    const reader = Bun.spawn(["cat", fifo], { stdout: "pipe" });
    return { reader, text: collect(reader.stdout) };
  };
  const first = read();
  const output = openSync(fifo, "w");
  const writer = Bun.spawn([process.execPath, "test/process/logLines.ts"], { stdin: "pipe", stdout: output });
  closeSync(output);
  let written = 0;
  const write = async (lines: number) => {
    written += lines;
    writer.stdin.write(`${lines}\n`);
    await writer.stdin.flush();
  };
  const allCame = (text: () => string) =>
    until(
      () => text().endsWith(`"n":${written - 1},"msg":"a line"}\n`),
      () => `it ends with: ${text().slice(-200)}`,
    );
  try {
    await write(10);
    await allCame(first.text);
    first.reader.kill();
    await first.reader.exited;
    for (let piece = 0; piece < 30; piece++) await write(1_000); // some 2.4 MB
    // And until not one more line fits into what is kept: each of these is a piece of its own.
    for (const lines of [112, 56, 28, 14, 7, 4, 2, 1, 1, 1]) {
      await Bun.sleep(200);
      await write(lines);
    }
    await Bun.sleep(200);
    const second = read();
    const isBack = async () => {
      await write(1);
      return second.text() !== "";
    };
    await until(isBack, () => "no line came");
    await write(10);
    await allCame(second.text);
    writer.stdin.end();
    expect(await writer.exited).toBe(0);
    const numbers = [...second.text().matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).toBeLessThan(30_000); // else nothing was lost, and nothing tried
    expect(numbers.slice(-10)).toEqual(Array.from({ length: 10 }, (_, n) => written - 10 + n));
  } finally {
    first.reader.kill();
    writer.kill("SIGKILL");
  }
});

test("what escapes the app is answered in the envelope, without a word of it", async () => {
  const server = serve(
    () => {
      throw new Error("hush-hush");
    },
    { host: "127.0.0.1", port: 0 },
  );
  try {
    const answer = await fetch(server.url);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      success: false,
      message: "Internal server error",
      data: null,
      code: "internal_error",
    });
  } finally {
    await server.stop(true);
  }
});
