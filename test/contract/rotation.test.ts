import { beforeAll, describe, expect, test } from "bun:test";
import { type Answer, claimsOf, type TestApp, type Tokens, testApp } from "../support/app.ts";

let it: TestApp;
let other: TestApp; // another instance on the same database and clock
beforeAll(async () => {
  it = await testApp();
  other = await testApp({ startMs: it.clock.ms });
});

const rotate = (token: string, app = it) => app.withToken("POST", "/api/rotateToken", token);
const pairOf = (answer: Answer) => answer.body.data as Tokens;
const works = async (token: string, app = it) =>
  (await app.withToken("GET", "/api/getUser", token)).status === 200;
/** An app with a clock of its own, so that moving it disturbs nobody. */
const withOwnClock = async () => {
  const app = await testApp();
  return { app, ...(await app.newUser()) };
};

describe("POST /api/rotateToken", () => {
  test("gives a new pair; the session and its end stay", async () => {
    const { app, username, refreshToken } = await withOwnClock();
    app.clock.advance(86_400);
    const answer = await rotate(refreshToken, app);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    expect(Object.keys(answer.body.data as object)).toEqual(["accessToken", "refreshToken"]);
    const [before, after] = [claimsOf(refreshToken), claimsOf(pairOf(answer).refreshToken)];
    expect(after).toMatchObject({ sid: before.sid, exp: before.exp, cnt: 1, sub: username, type: "refresh" });
    expect(await works(pairOf(answer).accessToken, app)).toBe(true);
    expect((await rotate(pairOf(answer).refreshToken, app)).status).toBe(200);
  });

  test("the token just spent gets the same successor again, at any instance, within the grace time", async () => {
    const { refreshToken } = await it.newUser();
    const first = pairOf(await rotate(refreshToken));
    const again = [await rotate(refreshToken), await rotate(refreshToken, other)].map(pairOf);
    for (const twin of again) {
      expect(claimsOf(twin.refreshToken)).toMatchObject({ cnt: 1, exp: claimsOf(first.refreshToken).exp });
      expect(await works(twin.accessToken)).toBe(true);
    }
    // Twins are one: after one of them rotates, the others are just spent, not stolen.
    const next = pairOf(await rotate((again[0] as Tokens).refreshToken));
    expect((await rotate(first.refreshToken)).status).toBe(200);
    expect((await rotate((again[1] as Tokens).refreshToken, other)).status).toBe(200);
    expect((await rotate(next.refreshToken)).status).toBe(200);
  });

  test("after the grace time it is theft: the session ends, and its ending survives the error", async () => {
    const { app, refreshToken, username } = await withOwnClock();
    const next = pairOf(await rotate(refreshToken, app));
    const bystander = await app.login(username);
    app.clock.advance(30);
    expect((await rotate(refreshToken, app)).status).toBe(200);
    app.clock.advance(1);
    const theft = await rotate(refreshToken, app);
    expect([theft.status, theft.body.code]).toEqual([401, "token_reused"]);
    expect(theft.headers.get("WWW-Authenticate")).toContain('error="invalid_token"');
    const { sub } = claimsOf(refreshToken);
    const user = (await app.withToken("GET", "/api/getUser", bystander.accessToken)).body.data;
    expect([sub, user]).toEqual([username, expect.objectContaining({ username })]);
    expect(app.logged).toContainEqual({
      level: "warn",
      fields: { userId: (user as { id: number }).id },
      message: "a refresh token was used again, its session has been ended",
    });
    for (const token of [next.refreshToken, refreshToken]) {
      expect((await rotate(token, app)).body.code).toBe("token_revoked");
    }
    expect((await app.withToken("GET", "/api/getUser", next.accessToken)).body.code).toBe("token_revoked");
    expect(await works(bystander.accessToken, app)).toBe(true);
  });

  test("a rotation of the future, by an instance whose clock is wrong, leaves nothing to retry: theft", async () => {
    const rotatedBy = async (secondsAhead: number) => {
      const { refreshToken } = await it.newUser();
      const ahead = await testApp({ startMs: it.clock.ms + secondsAhead * 1000 });
      expect((await rotate(refreshToken, ahead)).status).toBe(200);
      return rotate(refreshToken);
    };
    expect((await rotatedBy(10)).status).toBe(200); // clocks may be that far apart
    for (const ahead of [11, 3600]) expect((await rotatedBy(ahead)).body.code).toBe("token_reused");
  });

  test("one that is two rotations old is theft at once", async () => {
    const { refreshToken } = await it.newUser();
    const second = pairOf(await rotate(refreshToken));
    const third = pairOf(await rotate(second.refreshToken));
    expect((await rotate(refreshToken)).body.code).toBe("token_reused");
    expect((await rotate(third.refreshToken)).body.code).toBe("token_revoked");
    expect(await works(third.accessToken)).toBe(false);
  });

  test("REFRESH_RETRY_SECONDS sets the grace time", async () => {
    const app = await testApp({ env: { REFRESH_RETRY_SECONDS: "0" } });
    const { refreshToken } = await app.newUser();
    await rotate(refreshToken, app);
    expect((await rotate(refreshToken, app)).status).toBe(200); // within the same second
    app.clock.advance(1);
    expect((await rotate(refreshToken, app)).body.code).toBe("token_reused");
  });

  test("does not outlive the 30 days of its login, nor do the access tokens it gives", async () => {
    const { app, refreshToken } = await withOwnClock();
    app.clock.advance(30 * 86_400 - 60);
    const late = pairOf(await rotate(refreshToken, app));
    const end = claimsOf(refreshToken).exp;
    expect([claimsOf(late.refreshToken).exp, claimsOf(late.accessToken).exp]).toEqual([end, end]);
    const refreshed = await app.withToken("GET", "/api/refreshToken", late.refreshToken);
    expect(claimsOf((refreshed.body.data as Tokens).accessToken).exp).toBe(end);
    app.clock.advance(71);
    expect((await rotate(late.refreshToken, app)).body.code).toBe("token_expired");
  });

  test("takes no access token, and nothing after a logout", async () => {
    const { accessToken, refreshToken } = await it.newUser();
    expect((await rotate(accessToken)).body.code).toBe("token_wrong_type");
    await it.withToken("POST", "/api/logout", accessToken);
    expect((await rotate(refreshToken)).body.code).toBe("token_revoked");
  });
});

describe("GET /api/refreshToken of a session that has rotated", () => {
  test("takes only the current token; a late one ends nothing, a stolen one the session", async () => {
    const { app, refreshToken } = await withOwnClock();
    const next = pairOf(await rotate(refreshToken, app));
    const get = (token: string) => app.withToken("GET", "/api/refreshToken", token);
    expect((await get(next.refreshToken)).status).toBe(200);
    const late = await get(refreshToken);
    expect([late.status, late.body.code]).toEqual([401, "token_reused"]);
    expect((await get(next.refreshToken)).status).toBe(200);
    app.clock.advance(31);
    expect((await get(refreshToken)).body.code).toBe("token_reused");
    expect((await get(next.refreshToken)).body.code).toBe("token_revoked");
  });
});
