import { beforeAll, describe, expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { countAttempt, findAttempts, keepBucket, sumAttempts } from "../../src/db/attempts.ts";
import { findCredentials } from "../../src/db/users.ts";
import { PASSWORD, type TestApp, testApp, unique, uniqueAddress } from "../support/app.ts";
import { migratedDatabase, poolOn, rootConnection } from "../support/database.ts";
import { until } from "../support/until.ts";

let shared: Awaited<ReturnType<typeof migratedDatabase>>;
beforeAll(async () => {
  shared = await migratedDatabase();
});

const LIMITS = {
  LOGIN_FAILURES_PER_ACCOUNT: "4",
  LOGIN_FAILURES_PER_CLIENT: "12",
  REGISTRATIONS_PER_CLIENT: "5",
  THROTTLE_WINDOW_SECONDS: "600",
};
/** An instance on the database that this file shares; each has a memory of its own. */
const instance = (env: Record<string, string> = {}) => testApp({ db: shared.db, env: { ...LIMITS, ...env } });

const attempt = (it: TestApp, username: string, password = "a wrong password") =>
  it.post("/api/login", { username, password });
const codes = async (count: number, next: () => Promise<{ body: { code?: string } }>) => {
  const seen: (string | undefined)[] = [];
  for (let i = 0; i < count; i++) seen.push((await next()).body.code);
  return seen;
};
const wrong = (count: number) => Array(count).fill("invalid_password");

describe("failed logins to an account", () => {
  test("beyond the limit are refused, the right password like a wrong one, until the window ends", async () => {
    const it = await instance();
    const username = unique("guessed");
    await it.post("/api/register", { username, password: PASSWORD });
    expect(await codes(4, () => attempt(it, username))).toEqual(wrong(4));
    it.clock.advance(100);
    const [guess, right] = [await attempt(it, username), await attempt(it, username, PASSWORD)];
    expect(guess.body).toEqual({
      success: false,
      message: "Too many attempts!",
      data: null,
      code: "too_many_attempts",
    });
    expect([guess.status, guess.headers.get("Retry-After")]).toEqual([429, "500"]);
    expect([right.status, right.text, right.headers.get("Retry-After")]).toEqual([429, guess.text, "500"]);
    it.clock.advance(500);
    expect((await attempt(it, username, PASSWORD)).status).toBe(200);
    expect(await codes(5, () => attempt(it, username))).toEqual([...wrong(4), "too_many_attempts"]);
  });
  test("count over all instances, from whatever client, at both paths, in any spelling", async () => {
    const [one, two] = [await instance(), await instance()];
    const { username } = await one.newUser(unique("Spread"));
    for (const it of [one, two, one, two]) {
      it.state.address = uniqueAddress();
      const answer = await it.post("/api/refreshToken", { username: username.toUpperCase(), password: "x" });
      expect(answer.body.code).toBe("invalid_password");
    }
    for (const it of [one, two]) {
      it.state.address = uniqueAddress();
      expect((await attempt(it, `${username} `, PASSWORD)).body.code).toBe("too_many_attempts");
    }
  });
  test("many at once are no way around it", async () => {
    const it = await instance();
    const { username } = await it.newUser();
    it.state.address = uniqueAddress();
    const answers = await Promise.all(Array.from({ length: 40 }, () => attempt(it, username)));
    const guesses = answers.filter(({ body }) => body.code === "invalid_password");
    expect(answers.filter(({ body }) => body.code === "too_many_attempts")).toHaveLength(40 - guesses.length);
    expect(guesses.length).toBeLessThanOrEqual(4 + 1); // two are hashed at once here
  });
  test("also by way of a password change", async () => {
    const it = await instance();
    const { username, accessToken } = await it.newUser();
    it.state.address = uniqueAddress();
    const change = () =>
      it.post(
        "/api/changePassword",
        { password: "a wrong password", newPassword: "another passphrase" },
        { Authorization: accessToken },
      );
    expect(await codes(5, change)).toEqual([...wrong(4), "too_many_attempts"]);
    expect((await attempt(it, username, PASSWORD)).body.code).toBe("too_many_attempts");
    expect((await it.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
  });
  test("right passwords at once, more than may fail, all get in", async () => {
    const it = await instance();
    const { username } = await it.newUser();
    it.state.address = uniqueAddress();
    const answers = await Promise.all(Array.from({ length: 20 }, () => attempt(it, username, PASSWORD)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  });
});

describe("a failed login", () => {
  test("is answered only once it counts on all instances", async () => {
    const { target, pool, db } = await migratedDatabase();
    const it = await testApp({ db, env: LIMITS });
    const { username } = await it.newUser();
    const holder = await pool.getConnection();
    await holder.beginTransaction();
    await holder.query("SELECT * FROM attempt FOR UPDATE");
    let answered = false;
    const guess = attempt(it, username).finally(() => {
      answered = true;
    });
    const waiting = async () => {
      const [running] = await holder.query<RowDataPacket[]>("SHOW FULL PROCESSLIST");
      return running.some(
        ({ db, Info }) => db === target.database && /INSERT INTO .attempt/.test(Info ?? ""),
      );
    };
    await until(waiting, () => "nothing was counted", guess);
    await it.request("GET", "/livez"); // an answer that waits for nothing would be here by now, too
    expect(answered).toBe(false);
    await holder.rollback();
    holder.release();
    expect((await guess).body.code).toBe("invalid_password");
  });
});

describe("an instance whose clock is a month ahead", () => {
  test("locks nobody out at the others, where the count begins anew and ends with its window", async () => {
    const [ahead, right] = [await instance(), await instance()];
    const { username } = await right.newUser();
    right.state.address = uniqueAddress();
    ahead.clock.advance(31 * 24 * 60 * 60);
    expect(await codes(5, () => attempt(ahead, username))).toEqual([...wrong(4), "too_many_attempts"]);
    expect(await codes(4, () => attempt(right, username))).toEqual(wrong(4));
    const refused = await attempt(right, username, PASSWORD);
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "600"]);
    right.clock.advance(600);
    expect((await attempt(right, username, PASSWORD)).status).toBe(200);
  });
  test("is not believed by the operator's command either", async () => {
    const [now, ahead] = [1_800_000_000, 1_800_000_000 + 31 * 24 * 60 * 60];
    await countAttempt(shared.db, "failed:user:0", ahead, 600);
    const sum = (seconds: number) => sumAttempts(shared.db, "failed:user:0", [], seconds, 600);
    expect([await sum(now), await sum(ahead)]).toEqual([0, 1]);
  });
});

describe("the owner", () => {
  test("gets in from a client that has logged in before, while others guess, also after all sessions ended", async () => {
    const it = await instance();
    const { username, accessToken } = await it.newUser();
    await it.withToken("POST", "/api/logout", accessToken);
    const home = it.state.address;
    const guess = async () => {
      it.state.address = uniqueAddress();
      return attempt(it, username);
    };
    expect(await codes(6, guess)).toEqual([...wrong(4), "too_many_attempts", "too_many_attempts"]);
    it.state.address = home;
    expect((await attempt(it, username, PASSWORD)).status).toBe(200);
    expect((await attempt(it, username)).body.code).toBe("invalid_password");
    expect((await attempt(it, username, PASSWORD)).status).toBe(200);
  });
  test("is known after a change of password only where that was made: elsewhere it may be a thief who is known", async () => {
    const it = await instance();
    const { username, accessToken } = await it.newUser();
    const home = it.state.address;
    const elsewhere = uniqueAddress();
    it.state.address = elsewhere;
    await it.login(username);
    it.state.address = home;
    const newPassword = "another passphrase";
    const body = { password: PASSWORD, newPassword };
    expect((await it.post("/api/changePassword", body, { Authorization: accessToken })).status).toBe(200);
    const guess = async () => {
      it.state.address = uniqueAddress();
      return attempt(it, username);
    };
    expect(await codes(5, guess)).toEqual([...wrong(4), "too_many_attempts"]);
    it.state.address = elsewhere;
    expect((await attempt(it, username, newPassword)).body.code).toBe("too_many_attempts");
    it.state.address = home;
    expect((await attempt(it, username, newPassword)).status).toBe(200);
  });
  test("becomes known by no login whose password was changed by then", async () => {
    const it = await instance();
    const { username } = await it.newUser();
    const user = await findCredentials(shared.db, username);
    if (!user) throw new Error("no user");
    const bucket = `known:user:${user.id}:client:late`;
    for (const [pwd, count] of [
      ["changed", 0],
      [user.pwd, 1],
    ] as const) {
      await keepBucket(shared.db, bucket, 2_000_000_000, { id: user.id, pwd });
      expect((await findAttempts(shared.db, [bucket], 0)).size).toBe(count);
    }
  });
  test("is known over all instances, and for 90 days from the last login", async () => {
    const [one, two] = [await instance(), await instance()];
    const { username } = await one.newUser();
    const home = one.state.address;
    const day = 24 * 60 * 60;
    one.clock.advance(60 * day);
    await one.login(username);
    const later = one.clock.ms + 89 * day * 1000;
    for (const it of [one, two]) it.clock.ms = later;
    one.state.address = uniqueAddress();
    expect(await codes(5, () => attempt(one, username))).toEqual([...wrong(4), "too_many_attempts"]);
    two.state.address = home;
    expect((await attempt(two, username, PASSWORD)).status).toBe(200);
  });
  test("is nobody in particular 90 days later", async () => {
    const it = await instance();
    const { username } = await it.newUser();
    const home = it.state.address;
    it.clock.advance(90 * 24 * 60 * 60 + 1);
    it.state.address = uniqueAddress();
    await codes(4, () => attempt(it, username));
    it.state.address = home;
    expect((await attempt(it, username, PASSWORD)).body.code).toBe("too_many_attempts");
  });
  test("may fail as often as anybody; then that client has to wait, and others with it not", async () => {
    const it = await instance();
    const { username } = await it.newUser();
    expect(await codes(5, () => attempt(it, username))).toEqual([...wrong(4), "too_many_attempts"]);
    expect((await attempt(it, username, PASSWORD)).body.code).toBe("too_many_attempts");
    it.state.address = uniqueAddress();
    expect((await attempt(it, username, PASSWORD)).status).toBe(200);
  });
  test("is not known for another account from the same client", async () => {
    const it = await instance();
    const { username } = await it.newUser();
    const other = await it.newUser();
    const home = it.state.address;
    it.state.address = uniqueAddress();
    await it.login(other.username);
    const known = it.state.address;
    it.state.address = uniqueAddress();
    expect(await codes(4, () => attempt(it, username))).toEqual(wrong(4));
    it.state.address = known;
    expect((await attempt(it, username, PASSWORD)).body.code).toBe("too_many_attempts");
    it.state.address = home;
    await it.login(username);
  });
});

describe("failed logins of a client", () => {
  test("count whatever the account, unknown ones too, and a login of its own in between clears nothing", async () => {
    const it = await instance();
    const mine = await it.newUser();
    const users = [await it.newUser(), await it.newUser(), await it.newUser()];
    it.state.address = uniqueAddress();
    for (const { username } of users) {
      await codes(3, () => attempt(it, username));
      await it.login(mine.username);
    }
    expect(await codes(4, () => attempt(it, unique("nobody")))).toEqual([
      ...Array(3).fill("unknown_username"),
      "too_many_attempts",
    ]);
    expect((await attempt(it, users[0]?.username ?? "", PASSWORD)).body.code).toBe("too_many_attempts");
    await it.login(mine.username); // who is known there gets in all the same
    it.state.address = uniqueAddress();
    expect((await attempt(it, users[0]?.username ?? "", PASSWORD)).status).toBe(200);
  });
  test("an IPv6 network of 64 bits is one client, an IPv4 address is one by itself", async () => {
    const it = await instance();
    const guess = (address: string) => {
      it.state.address = address;
      return attempt(it, unique("nobody"));
    };
    const net = uniqueAddress().replace(/::1$/, "");
    const inside = [...Array(12).keys()].map((n) => `${net}:0:${n.toString(16)}::${n + 1}`);
    for (const address of inside)
      expect((await guess(address.replace(":0:", ":"))).body.code).toBe("unknown_username");
    expect((await guess(`${net}:ffff:ffff:ffff:ffff`)).body.code).toBe("too_many_attempts");
    const [, , a, b] = net.split(":");
    expect((await guess(`2001:db8:${a}:${b === "0" ? "1" : "0"}::1`)).body.code).toBe("unknown_username");
    const four = `198.51.${Math.floor(Math.random() * 256)}`;
    for (let n = 0; n < 12; n++) expect((await guess(`${four}.1`)).body.code).toBe("unknown_username");
    expect((await guess(`${four}.1`)).body.code).toBe("too_many_attempts");
    expect((await guess(`::ffff:${four}.1`)).body.code).toBe("too_many_attempts");
    expect((await guess(`${four}.2`)).body.code).toBe("unknown_username");
  });
});

describe("registrations", () => {
  test("are limited for a client, over all instances, also those that fail; logins are not touched", async () => {
    const [one, two] = [await instance(), await instance()];
    two.state.address = one.state.address;
    const { username } = await one.newUser();
    const register = (it: TestApp, name = unique("many")) =>
      it.post("/api/register", { username: name, password: PASSWORD });
    expect((await register(two, username)).body.code).toBe("username_taken");
    for (const it of [one, two, one]) expect((await register(it)).status).toBe(200);
    for (const it of [two, one]) {
      const refused = await register(it);
      expect([refused.status, refused.body.code]).toEqual([429, "too_many_attempts"]);
      expect(Number(refused.headers.get("Retry-After"))).toBeWithin(1, 601);
    }
    await one.login(username);
    expect((await one.post("/api/register", { username: "x", password: "y" })).status).toBe(400);
    one.state.address = uniqueAddress();
    expect((await register(one)).status).toBe(200);
  });
  test("are limited until the window ends, also on an instance that heard of it late", async () => {
    const [one, two] = [await instance(), await instance()];
    two.state.address = one.state.address;
    two.clock.ms = one.clock.ms;
    const register = (it: TestApp) =>
      it.post("/api/register", { username: unique("late"), password: PASSWORD });
    for (let n = 0; n < 5; n++) expect((await register(one)).status).toBe(200);
    two.clock.advance(590);
    for (let n = 0; n < 2; n++) {
      const refused = await register(two);
      expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "10"]);
    }
    two.clock.advance(10);
    expect((await register(two)).status).toBe(200);
  });
  test("many at once are no way around it", async () => {
    const it = await instance();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        it.post("/api/register", { username: unique("burst"), password: PASSWORD }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15);
  });
});

describe("an instance that cannot count in the database", () => {
  /** The same database by an account that may do everything but write to the counts. */
  const withoutCounts = async (rights: string) => {
    const { target } = await migratedDatabase();
    const root = await rootConnection();
    const account = `t${Math.random().toString(36).slice(2, 10)}`;
    await root.query(`CREATE USER ${account}@localhost IDENTIFIED BY 'test-only'`);
    for (const table of ["user", "session", "revoked_tokens"])
      await root.query(`GRANT ALL ON ${target.database}.${table} TO ${account}@localhost`);
    if (rights) await root.query(`GRANT ${rights} ON ${target.database}.attempt TO ${account}@localhost`);
    await root.end();
    return testApp({ db: poolOn({ ...target, user: account, password: "test-only" }).db, env: LIMITS });
  };
  for (const rights of ["", "SELECT"]) {
    test(`counts by itself (${rights || "no right"}), and says so in the log`, async () => {
      const it = await withoutCounts(rights);
      const { username } = await it.newUser();
      it.state.address = uniqueAddress();
      expect(await codes(6, () => attempt(it, username))).toEqual([
        ...wrong(4),
        "too_many_attempts",
        "too_many_attempts",
      ]);
      expect((await attempt(it, username, PASSWORD)).body.code).toBe("too_many_attempts");
      expect(it.logged.map(({ message }) => message)).toContain(
        "attempts are counted by this instance alone",
      );
      it.clock.advance(601);
      expect((await attempt(it, username, PASSWORD)).status).toBe(200);
    });
  }
});

test("what is stored of attempts holds no name and no password", async () => {
  const it = await instance();
  const { username } = await it.newUser();
  await attempt(it, username, "a guess with hush-hush in it");
  const [rows] = await shared.pool.query<RowDataPacket[]>("SELECT * FROM attempt");
  expect(rows.length).toBeGreaterThan(3);
  expect(JSON.stringify(rows)).not.toContain(username);
  expect(JSON.stringify(rows)).not.toContain("hush");
});
