import { beforeAll, describe, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { sign } from "hono/jwt";
import { claimsOf, PASSWORD, TEST_SECRET, type TestApp, type Tokens, testApp } from "../support/app.ts";
import { migratedDatabase } from "../support/database.ts";

let it: TestApp;
beforeAll(async () => {
  it = await testApp();
});

const logout = (token: string, body?: unknown) =>
  it.request("POST", "/api/logout", {
    headers: { Authorization: token, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
const works = async ({ accessToken, refreshToken }: Tokens) => {
  const access = (await it.withToken("GET", "/api/getUser", accessToken)).status;
  const refresh = (await it.withToken("GET", "/api/refreshToken", refreshToken)).status;
  expect(access).toBe(refresh);
  return access === 200;
};
/** A user with three sessions, and an access token as Flask makes it. */
const threeSessions = async () => {
  const one = await it.newUser();
  const [two, three] = [await it.login(one.username), await it.login(one.username)];
  const { sid: _, ...claims } = claimsOf(one.accessToken);
  const flask = `Bearer ${await sign({ ...claims, jti: crypto.randomUUID() }, TEST_SECRET, "HS256")}`;
  return { one, two, three, flask, username: one.username };
};
const flaskWorks = async (token: string) => (await it.withToken("GET", "/api/getUser", token)).status === 200;

test("a user has 1000 sessions at the most: a login ends the oldest above that, and nobody else's", async () => {
  const other = await it.newUser();
  const { username } = await it.newUser();
  const old = Array.from(
    { length: 1003 },
    (_, n) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`,
  );
  await it.db.execute(
    sql`INSERT INTO session (id, user_id, created_at, last_used_at, expires_at)
        SELECT j.id, u.id, 1, 1, 9999999999 FROM user u
        JOIN JSON_TABLE(${JSON.stringify(old)}, '$[*]' COLUMNS (id CHAR(36) PATH '$')) j WHERE u.username = ${username}`,
  );
  const newest = await it.login(username);
  const list = await it.withToken("GET", "/api/getSessionList", newest.accessToken);
  const ids = (list.body.data as { id: string }[]).map(({ id }) => id);
  expect(ids).toHaveLength(1000);
  expect(ids).toContain(claimsOf(newest.accessToken).sid);
  expect(ids).toContain(old.at(-1) as string);
  expect(ids).not.toContain(old[0] as string);
  expect((await it.withToken("GET", "/api/getUser", other.accessToken)).status).toBe(200);
});

describe("POST /api/logout scopes", () => {
  test("session, no body, an empty one and {} end this session alone", async () => {
    for (const body of [undefined, "", "{}", { scope: "session" }]) {
      const { one, two, three, flask } = await threeSessions();
      expect((await logout(one.accessToken, body)).status).toBe(200);
      expect([await works(one), await works(two), await works(three)]).toEqual([false, true, true]);
      expect(await flaskWorks(flask)).toBe(true);
    }
  });
  test("a body of no length counts as none, whatever its type", async () => {
    const { accessToken } = await it.newUser();
    const answer = await it.request("POST", "/api/logout", {
      headers: { Authorization: accessToken, "Content-Type": "application/x-www-form-urlencoded" },
    });
    expect(answer.status).toBe(200);
  });
  test("others ends all but this one, tokens without a session included", async () => {
    const { one, two, three, flask } = await threeSessions();
    expect((await logout(two.accessToken, { scope: "others" })).status).toBe(200);
    expect([await works(one), await works(two), await works(three)]).toEqual([false, true, false]);
    expect(await flaskWorks(flask)).toBe(false);
  });
  test("all ends everything, tokens without a session included, and nothing of another user", async () => {
    const bystander = await it.newUser();
    const { one, two, three, flask, username } = await threeSessions();
    expect((await logout(two.accessToken, { scope: "all" })).status).toBe(200);
    expect([await works(one), await works(two), await works(three)]).toEqual([false, false, false]);
    expect(await flaskWorks(flask)).toBe(false);
    expect(await works(bystander)).toBe(true);
    expect(await works(await it.login(username))).toBe(true); // and the user may come back
  });
  test("what the seed's clients may send, which ignored any body, ends this session", async () => {
    const bodies: [string, string][] = [
      ["null", "application/json"],
      ["[]", "application/json"],
      [" ", "application/json"],
      ["{}", "text/plain"],
      ["a=b", "application/x-www-form-urlencoded"],
      ["{bad", "application/json"],
    ];
    for (const [body, type] of bodies) {
      const { accessToken } = await it.newUser();
      const answer = await it.request("POST", "/api/logout", {
        headers: { Authorization: accessToken, "Content-Type": type },
        body,
      });
      expect([body, answer.status]).toEqual([body, 200]);
      expect((await it.withToken("GET", "/api/getUser", accessToken)).body.code).toBe("token_revoked");
    }
  });
  test("a scope counts however JSON spells its name", async () => {
    const { one, two, three } = await threeSessions();
    expect((await logout(one.accessToken, '{"sc\\u006fpe":"all"}')).status).toBe(200);
    expect([await works(one), await works(two), await works(three)]).toEqual([false, false, false]);
  });
  test("a scope that is none, or cannot be read, is refused and ends nothing", async () => {
    const tokens = await it.newUser();
    for (const body of [{ scope: "everything" }, { scope: null }, { scope: 1 }, ["scope"]]) {
      expect((await logout(tokens.accessToken, body)).body.code).toBe("validation_failed");
    }
    expect((await logout(tokens.accessToken, '{"scope":"all"')).body.code).toBe("malformed_json");
    const form = await it.request("POST", "/api/logout", {
      headers: { Authorization: tokens.accessToken, "Content-Type": "text/plain" },
      body: "scope=all",
    });
    expect(form.body.code).toBe("unsupported_media_type");
    // Nor is one overlooked that is no UTF-8: it may ask for more than this session.
    const all = '{"scope":"all"}';
    for (const body of [Bun.gzipSync(all), Buffer.from(`\ufeff${all}`, "utf16le")]) {
      const headers = { Authorization: tokens.accessToken, "Content-Type": "application/json" };
      expect((await it.request("POST", "/api/logout", { headers, body })).body.code).toBe("malformed_json");
    }
    expect(await works(tokens)).toBe(true);
  });
  test("all ends a token without a session and without nbf, whenever it says that it was issued", async () => {
    const { username, accessToken } = await it.newUser();
    // As an account that Flask made, which has no cutoff yet.
    await it.db.execute(sql`UPDATE user SET tokens_valid_from = NULL WHERE username = ${username}`);
    const { iat, exp, type, sub } = claimsOf(accessToken);
    const claims = { iat: iat + 86_400, exp, jti: crypto.randomUUID(), type, sub };
    const token = `Bearer ${await sign(claims, TEST_SECRET, "HS256")}`;
    expect(await flaskWorks(token)).toBe(true);
    expect((await logout(accessToken, { scope: "all" })).status).toBe(200);
    expect((await it.withToken("GET", "/api/getUser", token)).body.code).toBe("token_revoked");
  });
  test("the cutoff for tokens without a session never moves back, and takes those of a clock that is ahead", async () => {
    const behind = await testApp({ startMs: it.clock.ms - 40_000 });
    const { one, two, flask } = await threeSessions();
    const { sid: _, ...claims } = claimsOf(one.accessToken);
    const ahead = `Bearer ${await sign({ ...claims, jti: crypto.randomUUID(), nbf: claims.nbf + 10 }, TEST_SECRET, "HS256")}`;
    expect(await flaskWorks(ahead)).toBe(true);
    await logout(one.accessToken, { scope: "others" });
    expect([await flaskWorks(flask), await flaskWorks(ahead)]).toEqual([false, false]);
    const again = await behind.login(one.username); // a token of ours would not be valid there yet
    const there = await behind.post("/api/logout", { scope: "others" }, { Authorization: again.accessToken });
    expect(there.status).toBe(200);
    expect(await flaskWorks(flask)).toBe(false);
    expect(await works(two)).toBe(false);
  });
});

describe("GET /api/getSessionList", () => {
  test("the user's live sessions: what, when, from where, and which is this one", async () => {
    await it.newUser(); // whose session is nobody else's to see
    const { username, ...first } = await it.newUser();
    const answer = await it.post(
      "/api/login",
      { username, password: PASSWORD },
      { "User-Agent": `Tést/1.0 ${"x".repeat(300)}` },
    );
    const second = answer.body.data as Tokens;
    const list = (await it.withToken("GET", "/api/getSessionList", second.accessToken)).body.data as Record<
      string,
      unknown
    >[];
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const times = { created_at: time, last_used_at: time, expires_at: time };
    const from = { address: it.state.address, ...times };
    expect(list).toHaveLength(2);
    expect(list).toContainEqual({
      id: claimsOf(first.accessToken).sid,
      user_agent: null,
      current: false,
      ...from,
    });
    expect(list).toContainEqual({
      id: claimsOf(second.accessToken).sid,
      user_agent: `Tést/1.0 ${"x".repeat(246)}`,
      current: true,
      ...from,
    });
    await it.withToken("POST", "/api/logout", first.accessToken);
    const left = (await it.withToken("GET", "/api/getSessionList", second.accessToken)).body.data;
    expect(left).toHaveLength(1);
  });
  test("the session that was used last comes first", async () => {
    const app = await testApp();
    const { username, ...first } = await app.newUser();
    app.clock.advance(60);
    const second = await app.login(username);
    const order = async () => {
      const { data } = (await app.withToken("GET", "/api/getSessionList", first.accessToken)).body;
      return (data as { id: string }[]).map(({ id }) => id);
    };
    const [one, two] = [first, second].map(({ accessToken }) => claimsOf(accessToken).sid as string);
    expect(await order()).toEqual([two, one] as string[]);
    app.clock.advance(60);
    await app.withToken("GET", "/api/refreshToken", first.refreshToken);
    expect(await order()).toEqual([one, two] as string[]);
  });
  test("last used moves with the refresh token, and a session that has run out is not shown", async () => {
    const app = await testApp();
    const { accessToken, refreshToken, username } = await app.newUser();
    app.clock.advance(3600);
    await app.withToken("GET", "/api/refreshToken", refreshToken);
    const [session] = (await app.withToken("GET", "/api/getSessionList", accessToken)).body.data as Record<
      string,
      string
    >[];
    const at = (text = "") => Date.parse(`${text.replace(" ", "T")}Z`);
    expect(at(session?.last_used_at) - at(session?.created_at)).toBe(3_600_000);
    app.clock.advance(30 * 86_400);
    const { accessToken: later } = await app.login(username);
    expect((await app.withToken("GET", "/api/getSessionList", later)).body.data).toHaveLength(1);
  });
});

describe("POST /api/changePassword", () => {
  const change = (token: string, password: unknown, newPassword: unknown) =>
    it.post("/api/changePassword", { password, newPassword }, { Authorization: token });
  const NEW = "another long passphrase";

  test("changes it and ends the other sessions, tokens without a session included", async () => {
    const { one, two, three, flask, username } = await threeSessions();
    const answer = await change(two.accessToken, PASSWORD, NEW);
    expect(answer.body).toEqual({ success: true, message: "Ok", data: null });
    expect([await works(one), await works(two), await works(three)]).toEqual([false, true, false]);
    expect(await flaskWorks(flask)).toBe(false);
    expect((await it.post("/api/login", { username, password: PASSWORD })).body.code).toBe(
      "invalid_password",
    );
    expect(await works(await it.login(username, NEW))).toBe(true);
  });
  test("shows in updated_at, and not in created_at", async () => {
    const app = await testApp({ env: { TZ: "UTC" } });
    const { accessToken } = await app.newUser();
    const times = async () => {
      const { data } = (await app.withToken("GET", "/api/getUser", accessToken)).body;
      const { created_at, updated_at } = data as Record<string, string>;
      return [created_at, updated_at].map((text) => Date.parse(`${text}Z`));
    };
    const [created = 0, updated = 0] = await times();
    app.clock.advance(60);
    const body = { password: PASSWORD, newPassword: NEW };
    expect((await app.post("/api/changePassword", body, { Authorization: accessToken })).status).toBe(200);
    expect(await times()).toEqual([created, updated + 60_000]);
  });
  test("a wrong current password is 401 and changes nothing", async () => {
    const { one, two, username } = await threeSessions();
    const answer = await change(one.accessToken, `${PASSWORD}x`, NEW);
    expect([answer.status, answer.body.code]).toEqual([401, "invalid_password"]);
    expect(await works(two)).toBe(true);
    expect(await works(await it.login(username))).toBe(true);
  });
  test("holds the new one to the rules of registration", async () => {
    const { accessToken, username } = await it.newUser("Some-Unusual-Name-1");
    for (const bad of ["short", "x".repeat(129), "password123", username, 12345678, undefined]) {
      const answer = await change(accessToken, PASSWORD, bad);
      expect([answer.body.code, answer.body.errors?.map(({ field }) => field)]).toEqual([
        "validation_failed",
        ["newPassword"],
      ]);
    }
    expect((await change(accessToken, PASSWORD, PASSWORD)).status).toBe(200);
  });
  test("needs an access token", async () => {
    const { refreshToken } = await it.newUser();
    expect((await change(refreshToken, PASSWORD, NEW)).body.code).toBe("token_wrong_type");
    expect((await it.post("/api/changePassword", { password: PASSWORD, newPassword: NEW })).body.code).toBe(
      "token_missing",
    );
  });
});

describe("GET /api/getUser and pages of GET /api/getUserList", () => {
  test("the token's own user", async () => {
    const { username, accessToken } = await it.newUser();
    const { data } = (await it.withToken("GET", "/api/getUser", accessToken)).body;
    expect(data).toEqual({
      id: expect.any(Number),
      username,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    } as never);
  });
  test("pages follow each other by Link and miss nobody", async () => {
    const { accessToken } = await it.newUser();
    for (let i = 0; i < 4; i++) await it.newUser();
    const all = (await it.withToken("GET", "/api/getUserList", accessToken)).body.data as { id: number }[];
    const seen: { id: number }[] = [];
    for (let path: string | undefined = "/api/getUserList?limit=3"; path; ) {
      const page = await it.withToken("GET", path, accessToken);
      const rows = page.body.data as { id: number }[];
      expect(rows.length).toBeLessThanOrEqual(3);
      seen.push(...rows);
      path = /^<([^>]+)>; rel="next"$/.exec(page.headers.get("Link") ?? "")?.[1];
    }
    expect(seen).toEqual(all);
    const [first] = all;
    const rest = await it.withToken("GET", `/api/getUserList?after=${first?.id}`, accessToken);
    expect((rest.body.data as unknown[]).length).toBe(all.length - 1);
    expect(rest.headers.get("Link")).toBeNull();
  });
  test("the last page has no Link, also when it is full", async () => {
    const app = await testApp({ db: (await migratedDatabase()).db });
    const { accessToken } = await app.newUser();
    await app.newUser();
    const page = async (query: string) => {
      const { headers, body } = await app.withToken("GET", `/api/getUserList?${query}`, accessToken);
      return { ids: (body.data as { id: number }[]).map(({ id }) => id), link: headers.get("Link") };
    };
    const { ids } = await page("limit=3");
    expect(ids).toHaveLength(2);
    expect(await page("limit=2")).toEqual({ ids, link: null });
    const link = `</api/getUserList?limit=1&after=${ids[0]}>; rel="next"`;
    expect(await page("limit=1")).toEqual({ ids: ids.slice(0, 1), link });
    expect(await page(`limit=1&after=${ids[0]}`)).toEqual({ ids: ids.slice(1), link: null });
  });
  test("limits and ids that are none are refused", async () => {
    const { accessToken } = await it.newUser();
    for (const query of [
      "limit=0",
      "limit=1001",
      "limit=x",
      "limit=",
      "limit=1.5",
      "after=-1",
      "after=x",
      "limit=1&limit=2",
      "after=9007199254740992",
      "after=99999999999999999",
    ]) {
      const answer = await it.withToken("GET", `/api/getUserList?${query}`, accessToken);
      expect([query, answer.body.code]).toEqual([query, "validation_failed"]);
      expect(answer.body.errors?.[0]?.field).toBe(query.split("=")[0] as string);
    }
  });
});
