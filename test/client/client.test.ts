import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../src/runtime/server.ts";
import { PASSWORD, type TestApp, testApp, unique } from "../support/app.ts";
import { compile } from "../support/compiler.ts";
import { makeOtherProject } from "./otherProject.ts";

/** What openSession of docs/client.md gives. */
interface Session {
  users(): Promise<{ username: string }[]>;
  me(): Promise<{ username: string }>;
  logout(): Promise<null>;
  rotate(): Promise<void>;
}
interface Example {
  openSession(origin: string, username: string, password: string): Promise<Session>;
}

/** The strictest that a project may have. Nothing is skipped, and `erasableSyntaxOnly` is what Node runs as it stands. */
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  skipLibCheck: false,
  noUnusedLocals: true,
  types: [],
  target: "es2022",
  outDir: "built",
};
const RESOLUTIONS = { nodenext: "nodenext", bundler: "esnext" };
const configuration = (resolution: string) => join(folder, `${resolution}.json`);

const COMPILING = 60_000; // ms that it may take

let folder: string;
let example: Example;
let it: TestApp;
let server: Bun.Server<undefined>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-client-"));
  await makeOtherProject(folder);
  const [, code = ""] = /```ts\n(.*?)```/s.exec(await Bun.file("docs/client.md").text()) ?? [];
  expect(code.split("\n").length).toBeLessThanOrEqual(65);
  await Bun.write(join(folder, "example.ts"), code);
  await cp("test/client/fixtures", folder, { recursive: true });
  for (const [moduleResolution, module] of Object.entries(RESOLUTIONS)) {
    const compilerOptions = { ...STRICT, module, moduleResolution };
    await Bun.write(configuration(moduleResolution), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  }
  example = await import(join(folder, "example.ts"));
  it = await testApp();
  server = serve(it.app.fetch as never, { host: "127.0.0.1", port: 0 });
}, COMPILING);
afterAll(async () => {
  await server?.stop(true);
  await rm(folder, { recursive: true });
});

const newSession = async () => {
  const username = unique("client");
  await it.post("/api/register", { username, password: PASSWORD });
  return { username, session: await example.openSession(server.url.origin, username, PASSWORD) };
};
const refreshes = () => it.logged.filter(({ fields }) => fields.route === "/api/refreshToken").length;

describe("the example of docs/client.md", () => {
  test("logs in and calls; a failure is told by its code", async () => {
    const { username, session } = await newSession();
    expect((await session.me()).username).toBe(username);
    expect((await session.users()).map((user) => user.username)).toContain(username);
    await expect(example.openSession(server.url.origin, username, "wrong")).rejects.toMatchObject({
      message: "Invalid password!",
      code: "invalid_password",
    });
  });
  test("refreshes once for all calls that find their token expired, and again the next time", async () => {
    const { username, session } = await newSession();
    for (const times of [1, 2]) {
      const before = refreshes();
      it.clock.advance(2 * 60 * 60 + 60);
      const answers = await Promise.all([session.me(), session.users(), session.me(), session.me()]);
      expect([times, answers.length, (await session.me()).username]).toEqual([times, 4, username]);
      expect(refreshes() - before).toBe(1);
    }
  });
  test("rotates: the session goes on with the new pair", async () => {
    const { username, session } = await newSession();
    await session.rotate();
    it.clock.advance(2 * 60 * 60 + 60);
    expect((await session.me()).username).toBe(username);
    await session.rotate();
    expect((await session.me()).username).toBe(username);
  });
  test("logs out; what ended stays ended, without a refresh", async () => {
    const { session } = await newSession();
    const before = refreshes();
    expect(await session.logout()).toBeNull();
    await expect(session.me()).rejects.toMatchObject({ code: "token_revoked" });
    expect(refreshes()).toBe(before);
  });
  test("rotates while calls find their token expired, in whichever order: none is refused", async () => {
    const { username, session } = await newSession();
    const { me, rotate } = session;
    const mixtures = [
      [rotate, me, me],
      [me, rotate, me],
      [me, me, rotate, rotate],
      [rotate, rotate, me],
    ];
    for (const mixture of mixtures) {
      it.clock.advance(2 * 60 * 60 + 60);
      const outcomes = await Promise.allSettled(mixture.map((call) => call()));
      expect(outcomes.map(({ status }) => status)).toEqual(mixture.map(() => "fulfilled"));
    }
    expect((await me()).username).toBe(username);
  });
  test("a renewal that fails is told to all that wait for it, and leaves the way free for the next", async () => {
    const { username, session } = await newSession();
    const other = await example.openSession(server.url.origin, username, PASSWORD);
    const { accessToken } = await it.login(username);
    await it.post("/api/logout", { scope: "others" }, { Authorization: accessToken });
    it.clock.advance(2 * 60 * 60 + 60);
    for (const calls of [[session.me, session.rotate, session.users], [other.rotate, other.me], [other.me]]) {
      const outcomes = await Promise.allSettled(calls.map((call) => call()));
      const ended = { status: "rejected", reason: expect.objectContaining({ code: "token_revoked" }) };
      expect(outcomes).toEqual(calls.map(() => ended) as never);
    }
  });
  test.each([
    [502, "<html>Bad gateway</html>"],
    [504, ""],
    [200, "<html>Sign in to this network</html>"],
    [404, '{"error":"no such route"}'],
    [500, '{"success":false}'],
    [500, "null"],
  ])("an answer that is none of the service's is a failure with a code: %d %s", async (status, text) => {
    await using proxy = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response(text, { status }),
    });
    await expect(example.openSession(proxy.url.origin, "ada", PASSWORD)).rejects.toMatchObject({
      message: `Status ${status} without an answer of the service`,
      code: "unexpected_answer",
    });
  });
  test(
    "runs on Node, compiled",
    async () => {
      const node = Bun.which("node");
      if (!node) throw new Error("This test needs Node: put a `node` of 20 or later on the PATH");
      expect(await compile(configuration("nodenext"))).toEqual(WRONG);
      const username = unique("client");
      await it.post("/api/register", { username, password: PASSWORD });
      const program = `
      import { openSession } from "./built/example.js";
      const [origin, username, password] = process.argv.slice(1);
      const session = await openSession(origin, username, password);
      await session.rotate();
      const { username: me } = await session.me();
      await session.logout();
      const after = await session.me().catch(({ code }) => code);
      console.log(JSON.stringify([process.versions.bun ?? "no Bun", me, after]));`;
      const child = Bun.spawn(
        [node, "--input-type=module", "--eval", program, server.url.origin, username, PASSWORD],
        { cwd: folder, stdout: "pipe", stderr: "inherit" },
      );
      expect(await new Response(child.stdout).json()).toEqual(["no Bun", username, "token_revoked"]);
    },
    COMPILING,
  );
});

/** The compiler's complaints about the project: none but about wrong.ts, each for its reason. */
const WRONG = [
  "wrong.ts:5 TS2741", // no password
  "wrong.ts:6 TS2322", // a number for a name
  "wrong.ts:7 TS2322", // no such scope
  "wrong.ts:8 TS2551", // no such path
  "wrong.ts:9 TS2339", // no such method
  "wrong.ts:12 TS2339", // no such field in the answer
  "wrong.ts:15 TS2531", // not asked whether it succeeded
];

describe("in a project of its own", () => {
  test.each([
    ["typescript5", "nodenext"],
    ["typescript5", "bundler"],
    ["typescript", "nodenext"],
    ["typescript", "bundler"],
  ] as const)(
    "%s with %s: right calls and the example compile, wrong calls do not",
    async (version, resolution) => {
      expect(await compile(configuration(resolution), version, ["--noEmit"])).toEqual(WRONG);
    },
    COMPILING,
  );
  test("installs nothing of the service, and runs no script", async () => {
    const { version, dependencies } = await Bun.file("package.json").json();
    const installed = await Bun.file(join(folder, "node_modules/latchkey/package.json")).json();
    expect(installed).toMatchObject({ name: "latchkey", version, dependencies: { hono: dependencies.hono } });
    expect([Object.keys(installed.dependencies), installed.scripts]).toEqual([["hono"], undefined]);
  });
});
