import { beforeAll, describe, expect, test } from "bun:test";
import { pbkdf2Sync } from "node:crypto";
import { migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { claimsOf, type TestApp, testApp } from "../support/app.ts";
import { poolOn } from "../support/database.ts";
import {
  flaskAccepts,
  flaskOn,
  query,
  SEED_ACCOUNTS,
  SEED_SECRET,
  seedDatabase,
  werkzeugAccepts,
} from "../support/flask.ts";

/** A service on a database of its own that the seed's service made, migrated. */
async function takenOver(env: Record<string, string> = {}) {
  const target = await seedDatabase();
  await migrate(target, migrationsFolder);
  const it = await testApp({ db: poolOn(target).db, env: { JWT_SECRET_KEY: SEED_SECRET, ...env } });
  const stored = async (username: string) =>
    (await query(target, "SELECT pwd, salt, updated_at FROM user WHERE username = ?", [username]))[0] as {
      pwd: string;
      salt: string;
      updated_at: string;
    };
  return { target, it, stored, flask: flaskOn(target) };
}

const [alice] = SEED_ACCOUNTS as [(typeof SEED_ACCOUNTS)[number]];

describe("tokens of the seed's service", () => {
  let it: TestApp;
  beforeAll(async () => {
    ({ it } = await takenOver());
  });
  for (const account of SEED_ACCOUNTS) {
    test(`${account.username}: ${account.loggedOut ? "the revoked token stays out" : "nobody is logged out"}`, async () => {
      const list = await it.withToken("GET", "/api/getUserList", account.accessToken);
      if (account.loggedOut) expect([list.status, list.body.code]).toEqual([401, "token_revoked"]);
      else
        expect((list.body.data as { username: string }[]).map(({ username }) => username)).toContain(
          account.username,
        );
      // The seed revoked access tokens only: a refresh token that it left alive is alive.
      const refreshed = await it.withToken("GET", "/api/refreshToken", account.refreshToken);
      expect(refreshed.status).toBe(200);
      const { accessToken } = refreshed.body.data as { accessToken: string };
      expect((await it.withToken("GET", "/api/getUserList", accessToken)).status).toBe(200);
    });
  }
  test("a logout ends what hangs together: the access token, and the refresh token it was got with", async () => {
    const { it } = await takenOver();
    const refresh = async () =>
      (await it.withToken("GET", "/api/refreshToken", alice.refreshToken)).body.data as {
        accessToken: string;
      };
    const [one, two] = [await refresh(), await refresh()];
    expect((await it.withToken("POST", "/api/logout", one.accessToken)).status).toBe(200);
    for (const token of [one.accessToken, two.accessToken]) {
      expect((await it.withToken("GET", "/api/getUserList", token)).body.code).toBe("token_revoked");
    }
    expect((await it.withToken("GET", "/api/refreshToken", alice.refreshToken)).body.code).toBe(
      "token_revoked",
    );
    // The first access token came with the login, and nothing in it says which refresh token did too.
    expect((await it.withToken("GET", "/api/getUserList", alice.accessToken)).status).toBe(200);
  });
  test("a blocked refresh token stays blocked for as long as it would live", async () => {
    const { it, target } = await takenOver();
    const { accessToken } = (await it.withToken("GET", "/api/refreshToken", alice.refreshToken)).body
      .data as { accessToken: string };
    await it.withToken("POST", "/api/logout", accessToken);
    const { jti, exp } = claimsOf(alice.refreshToken);
    expect(await query(target, "SELECT expires_at FROM revoked_tokens WHERE jti = ?", [jti])).toEqual([
      { expires_at: exp },
    ] as never);
  });
});

describe("logins", () => {
  for (const account of SEED_ACCOUNTS) {
    test(`${account.username}: the old hash verifies and is renewed, silently`, async () => {
      const { it, stored } = await takenOver();
      const before = await stored(account.username);
      expect((await it.post("/api/login", { ...account, password: `${account.password}x` })).body.code).toBe(
        "invalid_password",
      );
      expect(await stored(account.username)).toEqual(before);
      await it.login(account.username, account.password);
      const after = await stored(account.username);
      expect(after.pwd).toStartWith("$argon2id$v=19$m=8,t=1,p=1$");
      expect(after.updated_at).toEqual(before.updated_at);
      await it.login(account.username, account.password);
      expect(await stored(account.username)).toEqual(after); // once is enough
    });
  }
  test("an old password of combining characters is renewed over NFC, and then is one in any form", async () => {
    const { it, target } = await takenOver();
    const pwd = `pbkdf2:sha256:10$salt$${pbkdf2Sync("xcafe\u0301", "salt", 10, 32, "sha256").toString("hex")}`;
    await query(target, "UPDATE user SET pwd = ?, salt = 'x' WHERE username = ?", [pwd, alice.username]);
    for (const password of ["cafe\u0301", "cafe\u0301", "café"]) await it.login(alice.username, password);
  });
  test("two at once with an old hash both get in, and the hash that is left verifies", async () => {
    const { it } = await takenOver();
    await Promise.all([it.login(alice.username, alice.password), it.login(alice.username, alice.password)]);
    await it.login(alice.username, alice.password);
  });
  test("a changed price takes effect at the next login", async () => {
    const { it, stored, target } = await takenOver();
    await it.login(alice.username, alice.password);
    const dearer = await testApp({ db: it.db, env: { JWT_SECRET_KEY: SEED_SECRET, ARGON2_TIME_COST: "3" } });
    await dearer.login(alice.username, alice.password);
    expect((await stored(alice.username)).pwd).toStartWith("$argon2id$v=19$m=8,t=3,p=1$");
    expect(await query(target, "SELECT COUNT(*) AS n FROM user WHERE pwd LIKE '$argon2id%'")).toEqual([
      { n: 1 },
    ] as never);
  });
});

describe("side by side with Flask, and back", () => {
  const env = { PASSWORD_FORMAT: "werkzeug" };

  test("accounts made or renewed here get in there", async () => {
    const { it, stored, flask } = await takenOver(env);
    await it.post("/api/register", { username: "newcomer", password: "пароль 🔑 long" });
    await it.login(alice.username, alice.password);
    const row = await stored("newcomer");
    expect(row.pwd).toMatch(/^pbkdf2:sha256:260000\$[A-Za-z0-9]{16}\$[0-9a-f]{64}$/);
    expect(row.pwd).toHaveLength(102); // the seed's column holds no more
    expect(row.salt).toMatch(/^[0-9a-f]{32}$/);
    expect(werkzeugAccepts(row.pwd, `${row.salt}пароль 🔑 long`)).toBe(true);
    expect(await flask.login("newcomer", "пароль 🔑 long")).toBe(true);
    expect(await flask.login("newcomer", "пароль 🔒 long")).toBe(false);
    for (const { username, password } of SEED_ACCOUNTS)
      expect(await flask.login(username, password)).toBe(true);
  });
  test("a password in another Unicode form gets in there as it was sent, and here in every form", async () => {
    const { it, flask } = await takenOver(env);
    const [nfd, nfc] = ["cafe\u0301 long enough", "caf\u00e9 long enough"];
    for (const [sent, other] of [
      [nfd, nfc],
      [nfc, nfd],
    ] as const) {
      const username = `form-${sent.length}`;
      await it.post("/api/register", { username, password: sent });
      expect(await flask.login(username, sent)).toBe(true);
      for (const password of [sent, other]) await it.login(username, password);
    }
  });
  test("the way back: an account that went to argon2id returns to what Flask reads at its next login", async () => {
    const { it, flask } = await takenOver();
    await it.login(alice.username, alice.password);
    const back = await testApp({ db: it.db, env: { JWT_SECRET_KEY: SEED_SECRET, ...env } });
    await back.login(alice.username, alice.password);
    expect(await flask.login(alice.username, alice.password)).toBe(true);
  });
  test("accounts made by Flask get in here at once, whatever the case of the name", async () => {
    const { it, flask, stored } = await takenOver(env);
    const { pwd, salt } = await stored(alice.username);
    await flask.register("made-there", pwd, salt);
    await it.login("MADE-there", alice.password);
  });
  test("tokens made here are good there, and a logout at either counts at both", async () => {
    const { it, flask } = await takenOver(env);
    const now = Math.floor(it.clock.ms / 1000);
    const { accessToken, refreshToken } = await it.login(alice.username, alice.password);
    const { data } = (await it.withToken("GET", "/api/refreshToken", refreshToken)).body as {
      data: { accessToken: string };
    };
    expect(flaskAccepts(accessToken, SEED_SECRET, "access", now)).toBe(true);
    expect(flaskAccepts(data.accessToken, SEED_SECRET, "access", now)).toBe(true);
    expect(flaskAccepts(refreshToken, SEED_SECRET, "refresh", now)).toBe(true);
    expect(flaskAccepts(accessToken, SEED_SECRET, "refresh", now)).toBe(false);

    await flask.logout(claimsOf(data.accessToken).jti); // at Flask
    expect((await it.withToken("GET", "/api/getUserList", data.accessToken)).body.code).toBe("token_revoked");
    expect((await it.withToken("GET", "/api/getUserList", accessToken)).status).toBe(200);
    await it.withToken("POST", "/api/logout", accessToken); // here
    expect(await flask.isRevoked(claimsOf(accessToken).jti)).toBe(true);
    await it.withToken("POST", "/api/logout", alice.accessToken);
    expect(await flask.isRevoked(claimsOf(alice.accessToken).jti)).toBe(true);
  });
});

describe("rotating a refresh token of Flask's", () => {
  const rotate = (it: TestApp, token: string) => it.withToken("POST", "/api/rotateToken", token);
  const pairOf = (answer: { body: { data: unknown } }) =>
    answer.body.data as { accessToken: string; refreshToken: string };

  test("gives it a session that ends when the token would; the token itself is spent", async () => {
    const { it, target } = await takenOver();
    const first = await rotate(it, alice.refreshToken);
    expect(first.status).toBe(200);
    const { jti, exp } = claimsOf(alice.refreshToken);
    expect(claimsOf(pairOf(first).refreshToken)).toMatchObject({ sid: jti, cnt: 1, exp });
    expect((await it.withToken("GET", "/api/refreshToken", alice.refreshToken)).body).toMatchObject({
      code: "token_reused",
      message: "Token has been used before",
    });
    const retry = await rotate(it, alice.refreshToken);
    expect(claimsOf(pairOf(retry).refreshToken)).toMatchObject({ sid: jti, cnt: 1, exp });
    expect((await rotate(it, pairOf(first).refreshToken)).status).toBe(200);
    expect(await query(target, "SELECT counter FROM session WHERE id = ?", [jti])).toEqual([
      { counter: 2 },
    ] as never);
  });
  test.each(["POST /api/rotateToken", "GET /api/refreshToken"])(
    "later it is theft (%s), and after the session's end it stays out",
    async (use) => {
      const [method = "", path = ""] = use.split(" ");
      const { it } = await takenOver();
      const pair = pairOf(await rotate(it, alice.refreshToken));
      it.clock.advance(31);
      expect((await it.withToken(method, path, alice.refreshToken)).body.code).toBe("token_reused");
      expect((await it.withToken("GET", "/api/getUser", pair.accessToken)).body.code).toBe("token_revoked");
      expect((await rotate(it, alice.refreshToken)).body.code).toBe("token_revoked");
    },
  );
  test("gives nothing when all of the user's tokens are ended at that very moment", async () => {
    const { it, target } = await takenOver();
    await query(
      target,
      "CREATE TRIGGER ended BEFORE INSERT ON revoked_tokens FOR EACH ROW UPDATE user SET tokens_valid_from = 9999999999",
    );
    expect((await rotate(it, alice.refreshToken)).body.code).toBe("token_revoked");
    expect(await query(target, "SELECT COUNT(*) AS n FROM session")).toEqual([{ n: 0 }] as never);
  });
  test("many at once open one session", async () => {
    const { it, target } = await takenOver();
    const answers = await Promise.all(Array.from({ length: 8 }, () => rotate(it, alice.refreshToken)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(await query(target, "SELECT COUNT(*) AS n FROM session")).toEqual([{ n: 1 }] as never);
  });
});
