import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CHEAP_ENV, claimsOf, PASSWORD, TEST_SECRET, type TestApp, testApp, unique } from "../support/app.ts";
import { databaseUrl, migratedDatabase, poolOn } from "../support/database.ts";
import { type LossyWay, lossyWay } from "../support/proxy.ts";

const NEW_PASSWORD = "another horse battery";
const UNAVAILABLE = [503, "database_unavailable"];

let way: LossyWay;
/** The service, whose answers get lost, and the same database without loss. */
let lossy: TestApp;
let safe: TestApp;

beforeAll(async () => {
  const { target, db } = await migratedDatabase();
  way = await lossyWay(target);
  lossy = await testApp({ db: poolOn(way.target).db });
  safe = await testApp({ db });
});
afterAll(() => way[Symbol.asyncDispose]());

const register = (it: TestApp, username: string) =>
  it.post("/api/register", { username, password: PASSWORD });
const named = async (username: string) =>
  (
    (await safe.request("GET", "/api/getUserList", bearer((await safe.newUser()).accessToken))).body.data as {
      username: string;
    }[]
  ).filter((user) => user.username === username).length;
/** What a check of the token sends each time: the text of its statement goes once for a connection. */
const sessionOf = (token: string): string => claimsOf(token).sid;
const bearer = (token: string) => ({ headers: { Authorization: token } });

describe("a registration whose answer is lost", () => {
  for (const when of ["before", "after"] as const) {
    test(`${when} it was stored is looked for and found to be its author's`, async () => {
      const username = unique("lost");
      way.cut(username, when);
      const answer = await register(lossy, username);
      expect([answer.status, answer.body.message]).toEqual([200, "Register succeed!"]);
      expect(way.broken()).toBe(1);
      expect(await named(username)).toBe(1);
      await safe.login(username);
      expect((await register(lossy, username)).body.code).toBe("username_taken");
    });
  }
  test("is not taken for stored when the name is somebody else's", async () => {
    const { username } = await safe.newUser();
    way.cut(username, "before");
    const answer = await register(lossy, username);
    expect([answer.status, answer.body.code]).toEqual([400, "username_taken"]);
    expect(way.broken()).toBe(1);
  });
  test("time and again is no success", async () => {
    const username = unique("lost");
    way.cut(username, "before", 100);
    const answer = await register(lossy, username);
    expect([answer.status, answer.body.code]).toEqual(UNAVAILABLE);
    expect(answer.headers.get("Retry-After")).toBe("1");
    expect(await named(username)).toBe(0);
  });
  test("at the command line is told as added", async () => {
    const username = unique("lost");
    way.cut(username, "after");
    const env = { DATABASE_URL: databaseUrl(way.target), JWT_SECRET_KEY: TEST_SECRET, ...CHEAP_ENV };
    const command = Bun.spawn([process.execPath, "--no-env-file", "src/commands/user.ts", "add", username], {
      env: { ...env, PATH: process.env.PATH ?? "" },
      stdin: new Blob([PASSWORD]),
      stdout: "ignore",
      stderr: "ignore",
    });
    expect(await command.exited).toBe(0);
    expect(way.broken()).toBe(1);
    await safe.login(username);
  });
});

describe("a read whose answer is lost", () => {
  for (const when of ["before", "after"] as const)
    test(`${when} it was done is asked again, and answered from what there is then`, async () => {
      const { accessToken } = await safe.newUser();
      way.cut(sessionOf(accessToken), when);
      expect((await lossy.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
      expect(way.broken()).toBe(1);
      await safe.withToken("POST", "/api/logout", accessToken);
      way.cut(sessionOf(accessToken), when);
      const answer = await lossy.withToken("GET", "/api/getUser", accessToken);
      expect([answer.body.code, way.broken()]).toEqual(["token_revoked", 1]);
    });
  test("time and again lets nobody in", async () => {
    const { accessToken } = await safe.newUser();
    way.cut(sessionOf(accessToken), "after", 100);
    const answer = await lossy.withToken("GET", "/api/getUser", accessToken);
    expect([answer.status, answer.body.code]).toEqual(UNAVAILABLE);
    expect(way.broken()).toBe(3);
  });
});

describe("a COMMIT whose answer is lost", () => {
  for (const when of ["before", "after"] as const)
    test(`${when} it was done: the logout is done again and is a success, since the tokens are refused`, async () => {
      const { accessToken, refreshToken } = await safe.newUser();
      way.cut("COMMIT", when);
      const answer = await lossy.withToken("POST", "/api/logout", accessToken);
      expect([answer.status, way.broken()]).toEqual([200, 1]);
      for (const [path, token] of [
        ["/api/getUser", accessToken],
        ["/api/refreshToken", refreshToken],
      ] as const)
        expect((await safe.withToken("GET", path, token)).body.code).toBe("token_revoked");
    });
  test("time and again: the logout is no success unseen, and the token stays good", async () => {
    const { accessToken } = await safe.newUser();
    way.cut("COMMIT", "before", 100);
    const answer = await lossy.withToken("POST", "/api/logout", accessToken);
    expect([answer.status, answer.body.code]).toEqual(UNAVAILABLE);
    expect((await lossy.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
  });
  test("a login is no success, and the next one is", async () => {
    const { username } = await safe.newUser();
    for (const when of ["before", "after"] as const) {
      way.cut("COMMIT", when);
      const answer = await lossy.post("/api/login", { username, password: PASSWORD });
      expect([when, answer.status, answer.body.code]).toEqual([when, ...UNAVAILABLE]);
      expect(way.broken()).toBe(1);
    }
    await lossy.login(username);
  });
  test("of a change of password: the one that stands is the one that was told", async () => {
    for (const [when, status, standing] of [
      ["before", 503, PASSWORD],
      ["after", 200, NEW_PASSWORD],
    ] as const) {
      const { username, accessToken } = await safe.newUser();
      way.cut("COMMIT", when);
      const change = { password: PASSWORD, newPassword: NEW_PASSWORD };
      const answer = await lossy.post("/api/changePassword", change, { Authorization: accessToken });
      expect([when, answer.status, way.broken()]).toEqual([when, status, 1]);
      await safe.login(username, standing);
    }
  });
});

describe("a login or rotation whose answer is lost", () => {
  test("a login is no success, and the next one is", async () => {
    const { username } = await safe.newUser();
    for (const when of ["before", "after"] as const) {
      const agent = unique("agent"); // only the row of the session has it
      way.cut(agent, when);
      const answer = await lossy.post(
        "/api/login",
        { username, password: PASSWORD },
        { "User-Agent": agent },
      );
      expect([when, answer.status, answer.body.code]).toEqual([when, ...UNAVAILABLE]);
      expect(way.broken()).toBe(1);
    }
    await lossy.login(username);
  });
  test("a rotation is no success, and the same token gets its successor at the next try", async () => {
    for (const when of ["before", "after"] as const) {
      const { refreshToken } = await safe.newUser();
      const session = sessionOf(refreshToken); // the counter, 0, stands behind it: prepared, or written out on workerd
      way.cut([`${session}\0\0\0\0`, `'${session}' AND counter`], when);
      const answer = await lossy.withToken("POST", "/api/rotateToken", refreshToken);
      expect([when, answer.status, answer.body.code]).toEqual([when, ...UNAVAILABLE]);
      const again = await lossy.withToken("POST", "/api/rotateToken", refreshToken);
      expect([when, again.status]).toEqual([when, 200]);
    }
  });
});
