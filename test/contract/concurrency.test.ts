import { beforeAll, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { sumAttempts } from "../../src/db/attempts.ts";
import { sessions } from "../../src/db/schema.ts";
import { findCredentials } from "../../src/db/users.ts";
import {
  claimsOf,
  PASSWORD,
  sharedDatabase,
  type TestApp,
  type Tokens,
  testApp,
  unique,
} from "../support/app.ts";
import { poolOn } from "../support/database.ts";
import { inProcess } from "../support/targets/index.ts";

/** Two instances: apps with pools of their own on one database. */
let instances: [TestApp, TestApp];
/** All of these tests together register more than one client may. */
const MANY = { REGISTRATIONS_PER_CLIENT: "10000" };

beforeAll(async () => {
  const { target } = await sharedDatabase();
  const startMs = Date.now();
  instances = [
    await testApp({ db: poolOn(target).db, startMs, env: MANY }),
    await testApp({ db: poolOn(target).db, startMs, env: MANY }),
  ];
});

const ROUNDS = 25;
const at = (i: number) => instances[i % 2] as TestApp;
const rounds = async (round: (n: number) => Promise<void>) => {
  for (let n = 0; n < ROUNDS; n++) await round(n);
};
const both = <T>(work: (app: TestApp, i: number) => Promise<T>, count = 2) =>
  Promise.all(Array.from({ length: count }, (_, i) => work(at(i), i)));
const statusOf = async (token: string) => (await at(0).withToken("GET", "/api/getUser", token)).status;

describe("at two instances at once", () => {
  test("rotations of one token: one successor, whoever asked", () =>
    rounds(async () => {
      const { refreshToken } = await at(0).newUser();
      const answers = await both((app) => app.withToken("POST", "/api/rotateToken", refreshToken), 6);
      expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
      const pairs = answers.map(({ body }) => body.data as Tokens);
      expect(new Set(pairs.map((pair) => claimsOf(pair.refreshToken).cnt))).toEqual(new Set([1]));
      const [row] = await at(0)
        .db.select()
        .from(sessions)
        .where(eq(sessions.id, claimsOf(refreshToken).sid));
      expect(row?.counter).toBe(1);
      for (const { accessToken } of pairs) expect(await statusOf(accessToken)).toBe(200);
    }));

  test("rotate against logout: whatever comes out, no token of the session is left alive", () =>
    rounds(async () => {
      const { accessToken, refreshToken } = await at(0).newUser();
      const [rotated, out] = await Promise.all([
        at(0).withToken("POST", "/api/rotateToken", refreshToken),
        at(1).withToken("POST", "/api/logout", accessToken),
      ]);
      expect(out.status).toBe(200);
      const tokens = [
        accessToken,
        ...(rotated.status === 200 ? [(rotated.body.data as Tokens).accessToken] : []),
      ];
      if (rotated.status !== 200) expect(rotated.body.code).toBe("token_revoked");
      for (const token of tokens) expect(await statusOf(token)).toBe(401);
      expect((await at(1).withToken("POST", "/api/rotateToken", refreshToken)).status).toBe(401);
    }));

  test("two logouts with one token: both may be told Ok, none an error of ours", () =>
    rounds(async () => {
      const { accessToken } = await at(0).newUser();
      const answers = await both((app) => app.withToken("POST", "/api/logout", accessToken), 4);
      expect(answers.some(({ status }) => status === 200)).toBe(true);
      for (const { status, body } of answers)
        expect(status === 200 || body.code === "token_revoked").toBe(true);
      expect(await statusOf(accessToken)).toBe(401);
    }));

  test("logouts of every scope by two sessions of one user", () =>
    rounds(async (n) => {
      const one = await at(0).newUser();
      const two = await at(1).login(one.username);
      const scope = ["session", "others", "all"][n % 3];
      const answers = await both((app, i) =>
        app.post("/api/logout", { scope }, { Authorization: i === 0 ? one.accessToken : two.accessToken }),
      );
      for (const { status, body } of answers)
        expect(status === 200 || body.code === "token_revoked").toBe(true);
      const alive = [await statusOf(one.accessToken), await statusOf(two.accessToken)].filter(
        (status) => status === 200,
      );
      // Each ending the other leaves at most one; which one is for the database to say.
      expect(alive.length).toBeLessThanOrEqual(scope === "others" ? 1 : 0);
    }));

  test("registrations of one name: one is made", () =>
    rounds(async () => {
      const username = unique("twin");
      const answers = await both((app) => app.post("/api/register", { username, password: PASSWORD }), 4);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ body }) => body.code === "username_taken")).toHaveLength(3);
    }));

  test("change password against login: a session opened with the old password never survives", () =>
    rounds(async () => {
      const user = await at(0).newUser();
      const newPassword = "a wholly new passphrase";
      const [changed, ...logins] = await Promise.all([
        at(0).post(
          "/api/changePassword",
          { password: PASSWORD, newPassword },
          { Authorization: user.accessToken },
        ),
        ...Array.from({ length: 4 }, (_, i) =>
          at(i).post("/api/login", { username: user.username, password: PASSWORD }),
        ),
      ]);
      expect(changed.status).toBe(200);
      for (const answer of logins) {
        if (answer.status === 200) expect(await statusOf((answer.body.data as Tokens).accessToken)).toBe(401);
        else expect(answer.body.code).toBe("invalid_password");
      }
      expect(await statusOf(user.accessToken)).toBe(200);
    }));

  test("two changes of one password: one is stored, the other told that its password is no longer right", () =>
    rounds(async () => {
      const { username, accessToken } = await at(0).newUser();
      const news = ["first new passphrase", "second new passphrase"];
      const answers = await both((app, i) =>
        app.post(
          "/api/changePassword",
          { password: PASSWORD, newPassword: news[i] },
          { Authorization: accessToken },
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
      await at(0).login(username, news[answers.findIndex(({ status }) => status === 200)]);
    }));

  test("theft seen at both: the session ends once, and nobody gets a token", () =>
    rounds(async () => {
      const { refreshToken } = await at(0).newUser();
      const second = (await at(0).withToken("POST", "/api/rotateToken", refreshToken)).body.data as Tokens;
      await at(1).withToken("POST", "/api/rotateToken", second.refreshToken);
      const answers = await both((app) => app.withToken("POST", "/api/rotateToken", refreshToken), 4);
      for (const { status, body } of answers)
        expect([status, ["token_reused", "token_revoked"].includes(body.code ?? "")]).toEqual([401, true]);
      expect(await statusOf(second.accessToken)).toBe(401);
    }));
});

describe("what happens between the check of a password and what it is for", () => {
  const meddling = inProcess("it acts between two steps of a request");
  /** An app in which something happens to the user's row after the next password was checked. */
  const meddled = async (username: string, sql: string) => {
    const { pool } = await sharedDatabase();
    let due = true;
    return testApp({
      around: ({ hash, verify, ...gate }) => ({
        ...gate,
        hash,
        async verify(password, stored) {
          const verdict = await verify(password, stored);
          if (due) await pool.query(`${sql} WHERE username = ?`, [username]);
          due = false;
          return verdict;
        },
      }),
    });
  };
  const events: Record<string, [string, string]> = {
    "the user is disabled": ["UPDATE user SET disabled_at = 1", "account_disabled"],
    "the user is deleted": ["DELETE FROM user", "unknown_username"],
    "the password is changed": ["UPDATE user SET pwd = 'x'", "invalid_password"],
    "the password is changed in the case of its hash": [
      "UPDATE user SET pwd = LOWER(pwd)",
      "invalid_password",
    ],
  };
  for (const [what, [sql, code]] of Object.entries(events)) {
    meddling(`${what}: a login opens no session`, async () => {
      const { username } = await at(0).newUser();
      const answer = await (await meddled(username, sql)).post("/api/login", {
        username,
        password: PASSWORD,
      });
      expect(answer.body.code).toBe(code);
    });
  }
  meddling(
    "the password is changed, or the user disabled: a login makes its client none that is known",
    async () => {
      for (const change of ["pwd = 'x'", "disabled_at = 1"]) {
        const { username } = await at(0).newUser();
        const { pool } = await sharedDatabase();
        await pool.query("DELETE FROM attempt WHERE bucket LIKE 'known:%'");
        const app = await meddled(username, `UPDATE user SET ${change}`);
        expect((await app.post("/api/login", { username, password: PASSWORD })).status).toBe(401);
        expect((await pool.query("SELECT bucket FROM attempt WHERE bucket LIKE 'known:%'"))[0]).toEqual([]);
      }
    },
  );
  for (const what of ["the user is disabled", "the user is deleted"]) {
    meddling(`${what}: its token changes no password`, async () => {
      const { username, accessToken } = await at(0).newUser();
      const { pool } = await sharedDatabase();
      const app = await testApp({
        around: (passwords) => ({
          ...passwords,
          async admit(from, work) {
            await pool.query(`${events[what]?.[0]} WHERE username = ?`, [username]);
            return passwords.admit(from, work);
          },
        }),
      });
      const change = { password: PASSWORD, newPassword: "a wholly new passphrase" };
      const answer = await app.post("/api/changePassword", change, { Authorization: accessToken });
      expect([answer.status, answer.body.code]).toEqual([401, "token_revoked"]);
    });
  }
  meddling("a login renews the hash: the change is stored all the same", async () => {
    const { username, accessToken } = await at(0).newUser();
    const renewed = await Bun.password.hash(PASSWORD, { algorithm: "argon2id", memoryCost: 64, timeCost: 1 });
    const app = await meddled(username, `UPDATE user SET pwd = '${renewed}'`);
    const change = { password: PASSWORD, newPassword: "a wholly new passphrase" };
    const answer = await app.post("/api/changePassword", change, { Authorization: accessToken });
    expect(answer.status).toBe(200);
    expect((await at(0).login(username, change.newPassword)).accessToken).toStartWith("Bearer ");
  });
  meddling("the password is changed: another change is not stored over it", async () => {
    const { username, accessToken } = await at(0).newUser();
    const app = await meddled(username, "UPDATE user SET pwd = 'x'");
    const change = { password: PASSWORD, newPassword: "a wholly new passphrase" };
    const answer = await app.post("/api/changePassword", change, { Authorization: accessToken });
    expect([answer.status, answer.body.code]).toEqual([401, "invalid_password"]);
    // Nobody has guessed: the password was right when it was first looked at.
    const { db } = at(0);
    const user = await findCredentials(db, username);
    expect(await sumAttempts(db, `failed:user:${user?.id}`, [`failed:user:${user?.id}:`], 0, 1e10)).toBe(0);
    expect((await at(0).post("/api/login", { username, password: change.newPassword })).status).toBe(401);
  });
});
