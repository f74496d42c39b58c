import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { TEST_SECRET } from "../support/app.ts";
import { databaseUrl, emptyDatabase } from "../support/database.ts";
import { over, run, startService, until } from "../support/process.ts";

let folder: string;
/** What the image runs: one file that needs no checkout, no packages and no Bun. */
let program: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "latchkey-program-"));
  program = join(folder, "latchkey");
  const built = await run("scripts/build.ts", {}, [folder]);
  expect([built.exitCode, built.stderr]).toEqual([0, ""]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = async () => ({
  NODE_ENV: "production",
  JWT_SECRET_KEY: TEST_SECRET,
  ACCEPT_WEAK_SECRET: "on",
  DATABASE_URL: databaseUrl(await emptyDatabase()),
  ARGON2_MEMORY_KIB: "64",
});

describe("the built program", () => {
  test("migrates, serves the API, its document and the page to try it, and drains at SIGTERM", async () => {
    const service = await startService({ ...(await environment()), DOCS: "on" }, program);
    try {
      const { accessToken, username } = await over(service).newUser();
      const list = await over(service).withToken("GET", "/api/getUserList", accessToken);
      expect((list.body.data as { username: string }[]).map((user) => user.username)).toEqual([username]);
      expect(await (await fetch(`${service.origin}/openapi.json`)).json()).toMatchObject({
        openapi: "3.1.0",
        info: { version },
      });
      for (const [file, part] of Object.entries({
        "": "<title>",
        "/tryIt.js": "SwaggerUIBundle",
        "/swagger-ui.js": "SwaggerUIBundle",
        "/swagger-ui.css": ".swagger-ui",
        "/favicon.png": "PNG",
      })) {
        const answer = await fetch(`${service.origin}/docs${file}`);
        expect([file, answer.status, await answer.text()]).toEqual([
          file,
          200,
          expect.stringContaining(part),
        ]);
      }
      expect(await (await fetch(`${service.origin}/metrics`)).text()).toContain("latchkey_hash_running 0");
      service.process.kill("SIGTERM");
      expect(await service.process.exited).toBe(0);
      await until(
        () => service.stdout().includes('"stopped"'),
        () => "it did not say that it stopped",
      );
    } finally {
      service.process.kill("SIGKILL");
    }
  });

  test("is the commands, too, also by the names that `bun run` knows", async () => {
    const env = { ...(await environment()), PATH: process.env.PATH ?? "" };
    const command = async (words: string[], input = "") => {
      const child = Bun.spawn(words, {
        cwd: folder,
        env,
        stdin: Buffer.from(input),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      return { exitCode: await child.exited, out, err };
    };
    const byBun = (...words: string[]) => [process.execPath, "run", ...words];
    expect(await command(byBun("db:migrate"))).toMatchObject({
      exitCode: 0,
      err: expect.stringMatching(/migrated: \d+ file/),
    });
    expect(await command([program, "db:migrate"])).toMatchObject({
      exitCode: 0,
      err: "nothing to migrate\n",
    });
    expect(await command(byBun("takeover:check"))).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining("nothing is left to migrate"),
    });
    const usual = await command([program, "user", "add", "grace"], "password123");
    expect([usual.exitCode, usual.err]).toEqual([1, expect.stringContaining("most commonly used")]);
    expect(await command([program, "user", "add", "grace"], "a long passphrase")).toMatchObject({
      exitCode: 0,
    });
    expect((await command(byBun("user", "list", "--json"))).out).toContain('"username":"grace"');
  });

  test("says what it takes, and refuses what it does not know", async () => {
    const help = await run(program, {}, ["--help"]);
    expect([help.exitCode, help.stdout]).toEqual([0, expect.stringContaining("DATABASE_URL")]);
    expect(help.stdout).toContain(`${program} db:migrate`); // as it can be called here
    for (const word of ["db:drop", "toString", "__proto__"]) {
      const unknown = await run(program, {}, [word]);
      expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining(word)]);
    }
  });
});
