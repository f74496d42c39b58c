import { beforeAll, describe, expect, test } from "bun:test";
import { sign } from "hono/jwt";
import {
  claimsOf,
  PASSWORD,
  TEST_SECRET,
  type TestApp,
  testApp,
  unique,
  uniqueAddress,
} from "../support/app.ts";
import { databaseUrl, migratedDatabase, poolOn } from "../support/database.ts";

let url: string;
let it: TestApp;
beforeAll(async () => {
  const { target } = await migratedDatabase();
  url = databaseUrl(target);
  it = await testApp({ db: poolOn(target).db });
});

/** Runs the operator's command as a process, with this on its standard input. */
async function user(
  args: string[],
  input: string | Buffer<ArrayBuffer> = "",
  env: Record<string, string> = {},
) {
  const child = Bun.spawn([process.execPath, "--no-env-file", "run", "src/commands/user.ts", ...args], {
    env: {
      PATH: process.env.PATH ?? "",
      DATABASE_URL: url,
      JWT_SECRET_KEY: TEST_SECRET,
      ARGON2_MEMORY_KIB: "8",
      ARGON2_TIME_COST: "1",
      ...env,
    },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}
const code = async (token: string) => (await it.withToken("GET", "/api/getUser", token)).body.code;

describe("bun run user", () => {
  test("add reads the password from standard input and holds to the rules", async () => {
    const name = unique("added");
    expect(await user(["add", name], `${PASSWORD}\n`)).toEqual({
      exitCode: 0,
      stdout: `${name}: added\n`,
      stderr: "",
    });
    await it.login(name);
    for (const [given, input, reason] of [
      [name.toUpperCase(), PASSWORD, "Repeated username!"],
      [unique("x"), "short", "8 to 128"],
      [unique("x"), "password1", "most commonly used"],
      [" x", PASSWORD, "white space"],
    ] as const) {
      const refused = await user(["add", given], input);
      expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining(reason)]);
    }
  });

  test("list and show, as text and as JSON, never show a hash", async () => {
    const { username } = await it.newUser();
    await it.login(username);
    const list = await user(["list"]);
    expect(list.stdout).toContain(`  ${username}\n`);
    const lines = (await user(["list", "--json"])).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.find((account) => account.username === username)).toMatchObject({
      id: expect.any(Number),
      disabledAt: null,
    });
    const shown = JSON.parse((await user(["show", username.toUpperCase(), "--json"])).stdout);
    expect(shown).toMatchObject({ username, hash: "argon2id m=8,t=1,p=1", sessions: 2, disabledAt: null });
    const text = (await user(["show", username])).stdout;
    expect(text).toContain("sessions     2");
    expect(list.stdout + text + JSON.stringify([lines, shown])).not.toContain("$argon2id");
  });

  test("set-password ends all sessions", async () => {
    const { username, accessToken } = await it.newUser();
    const set = await user(["set-password", username], "a wholly new passphrase");
    expect([set.exitCode, set.stdout]).toEqual([0, `${username}: password set, all sessions ended\n`]);
    expect(await code(accessToken)).toBe("token_revoked");
    expect((await it.post("/api/login", { username, password: PASSWORD })).body.code).toBe(
      "invalid_password",
    );
    await it.login(username, "a wholly new passphrase");
    expect((await user(["set-password", username], username)).stderr).toContain("must not be the username");
  });

  test("disable stops tokens at once and shows itself only to who knows the password; enable lets in again", async () => {
    const { username, accessToken, refreshToken } = await it.newUser();
    expect((await user(["disable", username, "--json"])).stdout).toBe(
      `${JSON.stringify({ username, done: "disabled, all sessions ended" })}\n`,
    );
    expect(await code(accessToken)).toBe("token_revoked");
    expect((await it.withToken("POST", "/api/rotateToken", refreshToken)).body.code).toBe("token_revoked");
    const right = await it.post("/api/login", { username, password: PASSWORD });
    expect([right.status, right.body.code]).toEqual([401, "account_disabled"]);
    expect((await it.post("/api/login", { username, password: "wrong" })).body.code).toBe("invalid_password");
    expect((await user(["enable", username])).exitCode).toBe(0);
    expect(await code(accessToken)).toBe("token_revoked"); // what was ended stays ended
    await it.login(username);
  });

  test("end-sessions ends what there is, delete the account with it", async () => {
    const { username, accessToken } = await it.newUser();
    const { sid: _, ...claims } = claimsOf(accessToken); // as Flask's, which name no session
    const flask = `Bearer ${await sign({ ...claims, jti: crypto.randomUUID() }, TEST_SECRET, "HS256")}`;
    expect(await code(flask)).toBeUndefined();
    expect((await user(["end-sessions", username])).exitCode).toBe(0);
    for (const token of [accessToken, flask]) expect(await code(token)).toBe("token_revoked");
    const again = await it.login(username);
    expect((await user(["delete", username])).stdout).toBe(`${username}: deleted\n`);
    expect(await code(again.accessToken)).toBe("token_revoked");
    expect((await it.post("/api/login", { username, password: PASSWORD })).body.code).toBe(
      "unknown_username",
    );
  });

  test("show counts failed logins, unblock forgets them, end-sessions also forgets the clients that are known", async () => {
    const { username } = await it.newUser();
    const home = it.state.address;
    const attempt = (password: string) => it.post("/api/login", { username, password });
    const failed = async () => JSON.parse((await user(["show", username, "--json"])).stdout).failedLogins;
    for (let n = 0; n < 2; n++) await attempt("a wrong password"); // of a client that is known
    it.state.address = uniqueAddress();
    for (let n = 0; n < 10; n++) await attempt("a wrong password");
    expect((await attempt(PASSWORD)).status).toBe(429);
    expect(await failed()).toBe(12);
    expect((await user(["unblock", username])).stdout).toBe(`${username}: failed logins forgotten\n`);
    expect(await failed()).toBe(0);
    expect((await attempt(PASSWORD)).status).toBe(200); // the instance goes by the database, not by its memory
    await user(["end-sessions", username]);
    it.state.address = uniqueAddress();
    for (let n = 0; n < 10; n++) await attempt("a wrong password");
    it.state.address = home;
    expect((await attempt(PASSWORD)).status).toBe(429);
    await user(["unblock", username]);
    await it.login(username);
  });

  test("names that would move the terminal's cursor, or begin a line, are shown without that", async () => {
    const { target } = await migratedDatabase();
    await poolOn(target).pool.query(
      "INSERT INTO user (username, created_at, updated_at) VALUES (?, NOW(), NOW())",
      ["evil \x1b[2K\r\n       7 fake\u009b\u007f"],
    );
    const env = { DATABASE_URL: databaseUrl(target) };
    const shown = "evil \ufffd[2K\ufffd\ufffd       7 fake\ufffd\ufffd\n";
    for (const command of [["list"], ["show", "evil \x1b[2K\r\n       7 fake\u009b\u007f"]]) {
      expect((await user(command, "", env)).stdout).toContain(shown);
      const json = (await user([...command, "--json"], "", env)).stdout;
      expect(json).toContain('evil \\u001b[2K\\r\\n       7 fake\\u009b\\u007f"');
    }
  });

  test("exit codes: 1 no such account, 2 usage, 3 no database", async () => {
    expect(await user(["show", unique("ghost")])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "there is no account of that name\n",
    });
    for (const args of [
      [],
      ["show"],
      ["list", "x"],
      ["frobnicate", "x"],
      ["show", "a", "b"],
      ["list", "--nope"],
    ]) {
      const wrong = await user(args);
      expect([args, wrong.exitCode, wrong.stderr]).toEqual([
        args,
        2,
        expect.stringContaining("bun run user COMMAND"),
      ]);
    }
    const lost = await user(["list"], "", { DATABASE_URL: "mysql://u:hush-hush@127.0.0.1:1/x" });
    expect([lost.exitCode, lost.stderr]).toEqual([3, expect.stringContaining("ECONNREFUSED")]);
    expect(lost.stderr).not.toContain("hush-hush");
    expect((await user(["--help"])).exitCode).toBe(0);
  });
  test("a password that is no UTF-8 is refused, and not taken for another one", async () => {
    const name = unique("latin");
    const refused = await user(["add", name], Buffer.from("p\xe4ssword of latin-1\n", "latin1"));
    expect(refused).toEqual({ exitCode: 1, stdout: "", stderr: "what was entered is no UTF-8\n" });
    expect((await user(["show", name])).exitCode).toBe(1);
  });
});
