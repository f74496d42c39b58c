import { afterEach, describe, expect, test } from "bun:test";
import { variableNames } from "../../src/config/variables.ts";
import { CHEAP_ENV, TEST_SECRET } from "../support/app.ts";
import { databaseUrl, migratedDatabase } from "../support/database.ts";
import { over, type Running, run, startService, until } from "../support/process.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const started: Running[] = [];
afterEach(async () => {
  for (const { process } of started.splice(0)) {
    process.kill("SIGTERM");
    await process.exited;
  }
});
const start = async (env: Record<string, string>) => {
  const running = await startService(env);
  started.push(running);
  await until(() => running.stderr().includes("latchkey answers at"), running.stderr);
  return running;
};

describe("a start tells", () => {
  test("where it is, where to read and try it, which database it has, and what is at its default", async () => {
    const url = databaseUrl((await migratedDatabase()).target);
    await using folder = temporaryFolder("first");
    const { origin, stderr } = await start({ DATABASE_URL: url, DATA_DIR: folder.path, TZ: "Asia/Shanghai" });
    expect(stderr()).toContain(`latchkey answers at ${origin}\n`);
    expect(stderr()).toContain(`docs      ${origin}/docs\n`);
    expect(stderr()).toMatch(/database {2}test_\d+_\d+ at /);
    expect((await fetch(`${origin}/docs`)).status).toBe(200);
    const hints = [...stderr().matchAll(/^ {4}([A-Z_]+) /gm)].map(([, name]) => name);
    expect(hints).toEqual(["JWT_SECRET_KEY", "CORS_ORIGINS", "NODE_ENV"]);
  });
  test("nothing of a default where all is set, and no docs where they are off", async () => {
    const { origin, stderr } = await start({
      DATABASE_URL: databaseUrl((await migratedDatabase()).target),
      JWT_SECRET_KEY: TEST_SECRET,
      CORS_ORIGINS: "https://app.example.com",
      TZ: "UTC",
      NODE_ENV: "development",
      DOCS: "off",
    });
    expect(stderr()).not.toMatch(/default|docs/);
    expect((await fetch(`${origin}/docs`)).status).toBe(404);
  });
});

describe("arguments", () => {
  test("--help lists every variable with its default, whatever the configuration", async () => {
    const help = await run("src/index.ts", { PORT: "wrong" }, ["--help"]);
    expect([help.exitCode, help.stderr]).toEqual([0, ""]);
    const listed = [...help.stdout.matchAll(/^ {2}([A-Z0-9_]+)=(\S*) +\S/gm)].map(([, name]) => name);
    expect(listed).toEqual(variableNames);
    for (const line of ["PORT=5000 ", "HOST=127.0.0.1 ", "MIGRATE_ON_START=on ", "JWT_SECRET_KEY= "])
      expect(help.stdout).toContain(line);
  });
  test("others are refused, and nothing starts", async () => {
    for (const args of [["--port", "80"], ["serve"], ["--help", "x"]]) {
      const refused = await run("src/index.ts", {}, args);
      expect([refused.exitCode, refused.stdout]).toEqual([2, ""]);
      expect(refused.stderr).toContain("latchkey does not know: ");
    }
  });
});

test("a start that fails says what to do", async () => {
  const fails = (env: Record<string, string>) =>
    run("src/index.ts", { JWT_SECRET_KEY: TEST_SECRET, PORT: "0", ...env });
  const { exitCode, stderr } = await fails({ DATABASE_URL: "mysql://u:hush-hush@127.0.0.1:1/x" });
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringContaining("is the database running, and are host and port right?"),
  ]);
  expect(stderr).not.toContain("hush-hush");
  const { target } = await migratedDatabase();
  const nameless = await fails({ DATABASE_URL: databaseUrl({ ...target, database: "no_such_one" }) });
  expect(nameless.stderr).toContain("create it first");
  const { origin } = await start({ DATABASE_URL: databaseUrl(target), JWT_SECRET_KEY: TEST_SECRET });
  const taken = await fails({ DATABASE_URL: databaseUrl(target), PORT: new URL(origin).port });
  expect(taken.stderr).toContain("is the port taken");
});

describe("bun run db:seed", () => {
  const seed = (env: Record<string, string>, args: string[]) =>
    run("src/commands/seed.ts", { JWT_SECRET_KEY: TEST_SECRET, ...CHEAP_ENV, ...env }, args);

  test("adds that many users of names that pass, with one password that lets each of them in", async () => {
    const { target } = await migratedDatabase();
    const url = databaseUrl(target);
    const done = await seed({ DATABASE_URL: url }, ["--users", "1200", "--yes"]);
    expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining("1200/1200\n1200 users added")]);
    const password = done.stdout.trim();
    const service = await start({ DATABASE_URL: url, JWT_SECRET_KEY: TEST_SECRET, ...CHEAP_ENV });
    const { accessToken } = await over(service).newUser();
    const users = (await over(service).withToken("GET", "/api/getUserList", accessToken)).body.data as {
      username: string;
    }[];
    expect(users.length).toBe(1201);
    for (const { username } of [users[0], users[1199]] as [{ username: string }, { username: string }]) {
      expect(username).toMatch(/^[\w.'-]{5,40}$/);
      await over(service).login(username, password);
    }
  });
  test("goes into no configured database unasked, and knows its arguments", async () => {
    const { target } = await migratedDatabase();
    const refused = await seed({ DATABASE_URL: databaseUrl(target) }, ["--users", "5"]);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("add --yes")]);
    for (const args of [["--users", "0"], ["--users", "many"], ["--nope"], ["5"]])
      expect([args, await seed({}, args)]).toEqual([
        args,
        { exitCode: 2, stdout: "", stderr: expect.stringContaining("--users NUMBER") },
      ]);
    expect((await seed({}, ["--help"])).exitCode).toBe(0);
  });
});
