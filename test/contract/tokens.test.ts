import { beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { sign } from "hono/jwt";
import { claimsOf, TEST_SECRET, type TestApp, testApp, unique } from "../support/app.ts";

let it: TestApp;
let user: Awaited<ReturnType<TestApp["newUser"]>>;
beforeAll(async () => {
  it = await testApp();
  user = await it.newUser();
});

const list = (authorization?: string) =>
  it.request(
    "GET",
    "/api/getUserList",
    authorization === undefined ? {} : { headers: { Authorization: authorization } },
  );

/** A token with the claims of a good one, changed. */
const forged = async (
  change: Record<string, unknown>,
  secret = TEST_SECRET,
  alg: "HS256" | "HS512" = "HS256",
) => {
  const claims = { ...claimsOf(user.accessToken), ...change };
  for (const [name, value] of Object.entries(claims)) if (value === undefined) delete claims[name];
  return `Bearer ${await sign(claims, secret, alg)}`;
};
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

const expectRefused = async (authorization: string | undefined, code: string, message: string) => {
  const answer = await list(authorization);
  expect(answer.body).toEqual({ success: false, message, data: null, code });
  expect(answer.status).toBe(401);
  const challenge = answer.headers.get("WWW-Authenticate") ?? "";
  if (code === "token_missing") expect(challenge).toBe('Bearer realm="latchkey"');
  else expect(challenge).toBe(`Bearer realm="latchkey", error="invalid_token", error_description="${code}"`);
};

const NO_BEARER = "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'";
const BAD_HEADER = "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'";

describe("the Authorization header", () => {
  test("missing or empty", async () => {
    await expectRefused(undefined, "token_missing", "Missing Authorization Header");
    await expectRefused("", "token_missing", "Missing Authorization Header");
    await expectRefused(" , ", "token_missing", "Missing Authorization Header");
  });
  test("of another type, or without a type, or of the type twice", async () => {
    const bare = user.accessToken.replace("Bearer ", "");
    for (const header of [bare, "Basic xx", `${user.accessToken}, ${user.accessToken}`]) {
      await expectRefused(header, "token_missing", NO_BEARER);
    }
  });
  test("with no token or more than one word after the type", async () => {
    for (const header of ["Bearer", `${user.accessToken} x`, "Bearer a b c"]) {
      await expectRefused(header, "token_malformed", BAD_HEADER);
    }
  });
  test("is found in a list of several, in any case, with spaces, as Flask-JWT-Extended finds it", async () => {
    const bare = user.accessToken.replace("Bearer ", "");
    for (const header of [
      user.accessToken,
      `bearer ${bare}`,
      `Bearer   ${bare}`,
      `Basic eA==, ${user.accessToken}`,
    ]) {
      expect((await list(header)).status).toBe(200);
    }
  });
});

describe("a token with a header that is not the usual one", () => {
  /** Good ones have more in their header than any library writes by itself, so that another check looks at them. */
  const unusual = (change: Record<string, unknown> = {}) => {
    const header = { typ: "JWT", alg: "HS256", "x-made-by": "somebody" };
    const text = `${base64(header)}.${base64({ ...claimsOf(user.accessToken), ...change })}`;
    return `Bearer ${text}.${createHmac("sha256", TEST_SECRET).update(text).digest("base64url")}`;
  };
  test("is good, also in a list of several", async () => {
    const token = unusual();
    for (const header of [`Basic eA==, ${token}`, token, `bearer  ${token.slice(7)}`, `x, ${unusual()}`])
      expect((await list(header)).status).toBe(200);
    await expectRefused(`Basic eA==, ${token}x`, "token_invalid", "Signature verification failed");
  });
  test("has its times told as those of others are", async () => {
    const now = Math.floor(it.clock.ms / 1000);
    expect((await list(unusual({ iat: now + 86_400, nbf: now + 10 }))).status).toBe(200);
    await expectRefused(unusual({ exp: now - 10 }), "token_expired", "Token has expired");
    const notYet = "The token is not yet valid (nbf)";
    await expectRefused(unusual({ nbf: now + 11 }), "token_invalid", notYet);
  });
});

describe("the token itself", () => {
  test("that is none", async () => {
    const [header, payload, signature] = user.accessToken.replace("Bearer ", "").split(".");
    for (const junk of [
      "junk",
      "a.b",
      "a.b.c",
      "..",
      `${header}.${payload}`,
      `${header}.!!.${signature}`,
      `${header}.${payload}.%`,
    ]) {
      await expectRefused(`Bearer ${junk}`, "token_malformed", "Not enough segments");
    }
  });
  test("with JSON in it that is no object", async () => {
    for (const payload of [null, 1, "text", [1]]) {
      const answer = await list(`Bearer ${await sign(payload as never, TEST_SECRET, "HS256")}`);
      expect(answer.status).toBe(401);
      expect(["token_malformed", "token_invalid"]).toContain(answer.body.code as string);
    }
  });
  test("signed with another key, or changed after signing", async () => {
    await expectRefused(
      await forged({}, "another-test-secret-0123456789-0123456789"),
      "token_invalid",
      "Signature verification failed",
    );
    // Known to be good from here on, whole and no part of it.
    expect((await it.withToken("GET", "/api/getUserList", user.accessToken)).status).toBe(200);
    const [header, , signature] = user.accessToken.replace("Bearer ", "").split(".");
    const changed = `Bearer ${header}.${base64({ ...claimsOf(user.accessToken), sub: "root" })}.${signature}`;
    await expectRefused(changed, "token_invalid", "Signature verification failed");
    await expectRefused(
      `Bearer ${header}.${base64(claimsOf(user.accessToken))}.`,
      "token_invalid",
      "Signature verification failed",
    );
  });
  test("under another algorithm, none included", async () => {
    const message = "The specified alg value is not allowed";
    await expectRefused(await forged({}, TEST_SECRET, "HS512"), "token_invalid", message);
    for (const alg of ["none", "None", "RS256", ""]) {
      const unsigned = `Bearer ${base64({ alg, typ: "JWT" })}.${base64(claimsOf(user.accessToken))}.`;
      await expectRefused(unsigned, "token_invalid", message);
    }
  });
  test("past its time", async () => {
    const app = await testApp({ startMs: it.clock.ms });
    const { accessToken, refreshToken } = await app.newUser();
    app.clock.advance(7209); // 2 hours, and 10 s of leeway
    expect((await app.withToken("GET", "/api/getUserList", accessToken)).status).toBe(200);
    app.clock.advance(1);
    const late = await app.withToken("GET", "/api/getUserList", accessToken);
    expect(late.body).toEqual({
      success: false,
      message: "Token has expired",
      data: null,
      code: "token_expired",
    });
    expect((await app.withToken("GET", "/api/refreshToken", refreshToken)).status).toBe(200);
    app.clock.advance(30 * 86_400 - 7201);
    expect((await app.withToken("GET", "/api/refreshToken", refreshToken)).status).toBe(200);
    app.clock.advance(1);
    expect((await app.withToken("GET", "/api/refreshToken", refreshToken)).body.code).toBe("token_expired");
  });
  test("before its time", async () => {
    const nbf = Math.floor(it.clock.ms / 1000) + 11;
    expect((await list(await forged({ nbf: nbf - 1 }))).status).toBe(200); // within the leeway
    for (const late of [nbf, "x", null])
      await expectRefused(await forged({ nbf: late }), "token_invalid", "The token is not yet valid (nbf)");
  });
  test("issued in the future by a clock that is ahead is no ground to refuse", async () => {
    expect((await list(await forged({ iat: Math.floor(it.clock.ms / 1000) + 86_400 }))).status).toBe(200);
  });
  test("without a claim that is needed, or with one of a wrong kind", async () => {
    const wrong = {
      exp: [undefined, "x", null, 8_640_000_000_001, 1e300],
      jti: [undefined, 1, "", "x".repeat(121)],
      sub: [undefined, 1, null],
      type: [undefined, "x"],
      sid: [1, null, "", "é", "x".repeat(37)],
      rti: [1, "", "without its rexp"],
    };
    for (const [claim, values] of Object.entries(wrong)) {
      for (const value of values) {
        await expectRefused(
          await forged({ [claim]: value }),
          "token_invalid",
          `Missing or malformed claim: ${claim}`,
        );
      }
    }
  });
  test("a refresh token of a session without its counter, or one without a session whose jti can name none", async () => {
    const claims = claimsOf(user.refreshToken);
    const cases: [Record<string, unknown>, string][] = [
      [{ ...claims, cnt: undefined }, "cnt"],
      [{ ...claims, cnt: "0" }, "cnt"],
      [{ ...claims, cnt: 0.5 }, "cnt"],
      [{ ...claims, sid: undefined, jti: "x".repeat(37) }, "jti"],
      [{ ...claims, sid: undefined, jti: "two words" }, "jti"],
    ];
    for (const [changed, claim] of cases) {
      const token = `Bearer ${await sign(changed, TEST_SECRET, "HS256")}`;
      const { body } = await it.withToken("POST", "/api/rotateToken", token);
      expect([body.code, body.message]).toEqual(["token_invalid", `Missing or malformed claim: ${claim}`]);
    }
  });
  test("whose session is another user's, or made up", async () => {
    const other = await it.newUser();
    await expectRefused(
      await forged({ sid: claimsOf(other.accessToken).sid }),
      "token_revoked",
      "Token has been revoked",
    );
    await expectRefused(
      await forged({ sid: crypto.randomUUID() }),
      "token_revoked",
      "Token has been revoked",
    );
  });
  test("of a user whom nobody knows", async () => {
    await expectRefused(await forged({ sub: unique("ghost") }), "token_revoked", "Token has been revoked");
  });
  test("that Flask made: no session in it, good until it is logged out", async () => {
    const token = await forged({ sid: undefined, jti: crypto.randomUUID() });
    expect((await list(token)).status).toBe(200);
    expect((await it.withToken("POST", "/api/logout", token)).status).toBe(200);
    await expectRefused(token, "token_revoked", "Token has been revoked");
    expect((await list(user.accessToken)).status).toBe(200);
  });
  test("whose id is revoked in another spelling, also when that is asked about at the same moment", async () => {
    const jti = `abc${crypto.randomUUID().slice(3)}`;
    const tokens = await Promise.all([jti, jti.toUpperCase()].map((spelling) => forged({ jti: spelling })));
    for (const token of tokens) expect((await list(token)).status).toBe(200);
    expect((await it.withToken("POST", "/api/logout", await forged({ jti, sid: undefined }))).status).toBe(
      200,
    );
    for (const path of ["/api/getUser", "/api/getUserList"]) {
      const asked = [user.accessToken, user.accessToken, ...tokens, user.accessToken, ...tokens];
      const answers = await Promise.all(asked.map((token) => it.withToken("GET", path, token)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 401, 401, 200, 401, 401]);
    }
  });
  test("among many at once, good and bad ones, is judged by itself", async () => {
    const [stranger, ended] = await Promise.all([it.newUser(), it.newUser()]);
    await it.withToken("POST", "/api/logout", ended.accessToken);
    const tokens: [token: string, username: string | undefined][] = [
      [user.accessToken, user.username],
      [stranger.accessToken, stranger.username],
      [ended.accessToken, undefined],
      [await forged({ sid: undefined, jti: crypto.randomUUID() }), user.username], // as Flask's
      [await forged({ sid: claimsOf(stranger.accessToken).sid }), undefined], // another user's session
      [await forged({ sid: crypto.randomUUID() }), undefined],
      [await forged({ sub: unique("ghost") }), undefined],
    ];
    const asked = Array.from({ length: 60 }, (_, n) => tokens[n % tokens.length] as (typeof tokens)[0]);
    for (const path of ["/api/getUser", "/api/getUserList"]) {
      const answers = await Promise.all(asked.map(([token]) => it.withToken("GET", path, token)));
      for (const [n, { status, body }] of answers.entries()) {
        const username = asked[n]?.[1];
        expect([path, n, status]).toEqual([path, n, username === undefined ? 401 : 200]);
        if (username === undefined) expect(body.code).toBe("token_revoked");
        else if (path === "/api/getUser") expect(body.data).toMatchObject({ username });
        else expect((body.data as { username: string }[]).map((one) => one.username)).toContain(username);
      }
    }
  });
});
