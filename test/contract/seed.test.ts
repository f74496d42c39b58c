import { beforeAll, describe, expect, test } from "bun:test";
import { claimsOf, PASSWORD, sharedDatabase, type TestApp, testApp, unique } from "../support/app.ts";
import { inProcess } from "../support/targets/index.ts";

let it: TestApp;
beforeAll(async () => {
  it = await testApp();
});

describe("GET /", () => {
  test("answers the seed's first listing, bare", async () => {
    const answer = await it.request("GET", "/");
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('{"hello":"world"}');
  });
});

describe("POST /api/register", () => {
  test("creates a user", async () => {
    const answer = await it.post("/api/register", { username: unique("ada"), password: PASSWORD });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ success: true, message: "Register succeed!", data: null });
  });

  test("refuses a name that is taken, in any spelling the collation holds for the same", async () => {
    const name = unique("Zoë");
    await it.post("/api/register", { username: name, password: PASSWORD });
    for (const same of [
      name,
      name.toUpperCase(),
      name.toLowerCase(),
      name.replace("ë", "e"),
      name.normalize("NFD"),
    ]) {
      const answer = await it.post("/api/register", { username: same, password: PASSWORD });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual({
        success: false,
        message: "Repeated username!",
        data: null,
        code: "username_taken",
      });
    }
  });

  test("of many at once one succeeds and the rest are told that the name is taken", async () => {
    const body = { username: unique("race"), password: PASSWORD };
    const answers = await Promise.all(Array.from({ length: 12 }, () => it.post("/api/register", body)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === "username_taken")).toHaveLength(11);
  });
});

describe("POST /api/login and its second path", () => {
  test("finds a name in any normal form, also one that is longer than the column before it is composed", async () => {
    const name = `${unique("Zoë")}${"é".repeat(40)}`.slice(0, 40);
    expect([...name.normalize("NFD")].length).toBeGreaterThan(40);
    await it.newUser(name);
    expect((await it.login(name.normalize("NFD"))).accessToken).toStartWith("Bearer ");
    // To the collation every letter beyond U+FFFF is the same, but the NFC of this one is not beyond.
    const rest = unique("");
    await it.post("/api/register", { username: `\u{1f600}${rest}`, password: "another passphrase" });
    await it.newUser(`\u4e3d${rest}`);
    expect((await it.login(`\u{2f800}${rest}`)).accessToken).toStartWith("Bearer ");
  });
  test("of two accounts whose names are two forms of one text, each is found by its own", async () => {
    const name = unique("Сергей"); // which the collation tells from the same with U+0306
    const flasks = await it.newUser();
    const { pool } = await sharedDatabase();
    const renamed = [name.normalize("NFD"), flasks.username];
    await pool.query("UPDATE user SET username = ? WHERE username = ?", renamed);
    const other = "another passphrase";
    expect((await it.post("/api/register", { username: name, password: other })).status).toBe(200);
    for (const [form, password] of [
      ["NFD", PASSWORD],
      ["NFC", other],
    ] as const) {
      await it.login(`${name.normalize(form).toLowerCase()} `, password);
      const { accessToken } = await it.login(name.normalize(form), password);
      const user = (await it.withToken("GET", "/api/getUser", accessToken)).body.data;
      expect(user).toMatchObject({ username: name.normalize(form) });
      const change = { password, newPassword: `${password} anew` };
      const answer = await it.post("/api/changePassword", change, { Authorization: accessToken });
      expect(answer.status).toBe(200);
    }
  });
  for (const path of ["/api/login", "/api/refreshToken"]) {
    test(`${path}: hands out a pair`, async () => {
      const { username } = await it.newUser();
      const answer = await it.post(path, { username, password: PASSWORD });
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ success: true, message: "Ok" });
      const data = answer.body.data as Record<string, string>;
      expect(Object.keys(data)).toEqual(["accessToken", "refreshToken"]);
      for (const token of Object.values(data)) expect(token).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    });

    test(`${path}: unknown name, wrong password`, async () => {
      const unknown = await it.post(path, { username: unique("nobody"), password: PASSWORD });
      expect(unknown.status).toBe(400);
      expect(unknown.body).toEqual({
        success: false,
        message: "Unregistered username!",
        data: null,
        code: "unknown_username",
      });
      const { username } = await it.newUser();
      const wrong = await it.post(path, { username, password: `${PASSWORD}!` });
      expect(wrong.status).toBe(401);
      expect(wrong.body).toEqual({
        success: false,
        message: "Invalid password!",
        data: null,
        code: "invalid_password",
      });
    });
  }

  inProcess("it counts calls of the hashing")(
    "asks for the same work whether or not there is a user of that name",
    async () => {
      const asked: string[] = [];
      const app = await testApp({
        around: ({ hash, verify, ...gate }) => ({
          ...gate,
          hash,
          verify: (password, stored) => {
            asked.push(password);
            return verify(password, stored);
          },
        }),
      });
      const { username } = await it.newUser();
      for (const name of [username, unique("nobody")]) {
        await app.post("/api/login", { username: name, password: "wrong" });
        expect(asked.splice(0)).toEqual(["wrong"]);
      }
    },
  );

  test("claims are those of Flask-JWT-Extended plus a session; 2 hours and 30 days", async () => {
    const { username, accessToken, refreshToken } = await it.newUser();
    const now = Math.floor(it.clock.ms / 1000);
    const access = claimsOf(accessToken);
    const refresh = claimsOf(refreshToken);
    const common = {
      fresh: false,
      sub: username,
      iat: now,
      nbf: now,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    };
    expect(access).toEqual({ ...common, type: "access", exp: now + 7200, sid: expect.any(String) });
    expect(refresh).toEqual({ ...common, type: "refresh", exp: now + 2_592_000, sid: access.sid, cnt: 0 });
    expect(refresh.jti).not.toBe(access.jti);
    const [header] = accessToken.replace("Bearer ", "").split(".");
    expect(JSON.parse(atob(header ?? ""))).toEqual({
      alg: "HS256",
      typ: "JWT",
      kid: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  test("a name is found in any spelling, and the token names the row", async () => {
    const { username } = await it.newUser();
    const { accessToken } = await it.login(`${username.toUpperCase()} `);
    expect(claimsOf(accessToken).sub).toBe(username);
  });
});

describe("GET /api/refreshToken and its second path", () => {
  for (const path of ["/api/refreshToken", "/api/login"]) {
    test(`${path}: a new access token that works`, async () => {
      const { refreshToken } = await it.newUser();
      const answer = await it.withToken("GET", path, refreshToken);
      expect(answer.status).toBe(200);
      expect(Object.keys(answer.body.data as object)).toEqual(["accessToken"]);
      const { accessToken } = answer.body.data as { accessToken: string };
      expect((await it.withToken("GET", "/api/getUserList", accessToken)).status).toBe(200);
    });

    test(`${path}: takes no access token`, async () => {
      const { accessToken } = await it.newUser();
      const answer = await it.withToken("GET", path, accessToken);
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({
        code: "token_wrong_type",
        message: "Only refresh tokens are allowed",
      });
    });
  }
});

describe("GET /api/getUserList", () => {
  test("every user, by id, with wall-clock times of TZ", async () => {
    const first = await it.newUser();
    const second = await it.newUser();
    const answer = await it.withToken("GET", "/api/getUserList", first.accessToken);
    expect(answer.status).toBe(200);
    const list = answer.body.data as {
      id: number;
      username: string;
      created_at: string;
      updated_at: string;
    }[];
    expect(list.map(({ id }) => id)).toEqual(list.map(({ id }) => id).sort((a, b) => a - b));
    const mine = list.filter(({ username }) => [first.username, second.username].includes(username));
    expect(mine.map(({ username }) => username)).toEqual([first.username, second.username]);
    const inShanghai = new Date(it.clock.ms + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
    for (const user of mine) {
      expect(Object.keys(user)).toEqual(["id", "username", "created_at", "updated_at"]);
      expect(user).toMatchObject({ created_at: inShanghai, updated_at: inShanghai });
    }
  });

  test("takes no refresh token", async () => {
    const { refreshToken } = await it.newUser();
    const answer = await it.withToken("GET", "/api/getUserList", refreshToken);
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({
      code: "token_wrong_type",
      message: "Only non-refresh tokens are allowed",
    });
  });
});
