import { describe, expect, test } from "bun:test";
import { sign } from "hono/jwt";
import { claimsOf, TEST_SECRET, type TestApp, testApp } from "../support/app.ts";

const NEW_SECRET = "test-secret-number-two-0123456789-0123456789";
const headerOf = (token: string) => JSON.parse(atob(token.replace("Bearer ", "").split(".")[0] ?? ""));

describe("changing the signing secret", () => {
  test("logs nobody out while the old one is among the previous", async () => {
    const before = await testApp();
    const old = await before.newUser();
    const after = await testApp({
      env: { JWT_SECRET_KEY: NEW_SECRET, JWT_SECRET_KEY_PREVIOUS: `unrelated, ${TEST_SECRET}` },
    });
    expect((await after.withToken("GET", "/api/getUser", old.accessToken)).status).toBe(200);
    const rotated = (await after.withToken("POST", "/api/rotateToken", old.refreshToken)).body.data as {
      accessToken: string;
    };
    expect(headerOf(rotated.accessToken).kid).not.toBe(headerOf(old.accessToken).kid);
    // What is signed now is signed with the new one alone.
    expect((await before.withToken("GET", "/api/getUser", rotated.accessToken)).body.code).toBe(
      "token_invalid",
    );

    const done = await testApp({ env: { JWT_SECRET_KEY: NEW_SECRET } });
    expect((await done.withToken("GET", "/api/getUser", old.accessToken)).body.code).toBe("token_invalid");
    expect((await done.withToken("GET", "/api/getUser", rotated.accessToken)).status).toBe(200);
  });
  test("in two rounds logs nobody out of several instances that are restarted one after the other", async () => {
    const rounds = [
      { JWT_SECRET_KEY: TEST_SECRET },
      { JWT_SECRET_KEY: TEST_SECRET, JWT_SECRET_KEY_PREVIOUS: NEW_SECRET },
      { JWT_SECRET_KEY: NEW_SECRET, JWT_SECRET_KEY_PREVIOUS: TEST_SECRET },
      { JWT_SECRET_KEY: NEW_SECRET },
    ];
    const apps = await Promise.all(rounds.map((env) => testApp({ env })));
    for (const [older, newer] of [apps.slice(0, 2), apps.slice(1, 3)] as [TestApp, TestApp][]) {
      for (const [here, there] of [
        [older, newer],
        [newer, older],
      ] as const) {
        const { accessToken } = await here.newUser();
        expect((await there.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
      }
    }
  });
  test("a token without kid (Flask's), or with one nobody knows, is tried with every key", async () => {
    const app = await testApp({ env: { JWT_SECRET_KEY: NEW_SECRET, JWT_SECRET_KEY_PREVIOUS: TEST_SECRET } });
    const { accessToken } = await app.newUser();
    for (const secret of [NEW_SECRET, TEST_SECRET]) {
      const bare = await sign(claimsOf(accessToken), secret, "HS256");
      expect(headerOf(bare).kid).toBeUndefined();
      expect((await app.withToken("GET", "/api/getUser", `Bearer ${bare}`)).status).toBe(200);
      const k = Buffer.from(secret).toString("base64url");
      const strange = await sign(claimsOf(accessToken), {
        kty: "oct",
        alg: "HS256",
        k,
        kid: "strange",
      } as never);
      expect((await app.withToken("GET", "/api/getUser", `Bearer ${strange}`)).status).toBe(200);
    }
    const neither = "neither-of-the-two-0123456789-0123456789";
    const k = Buffer.from(neither).toString("base64url");
    for (const key of [
      neither,
      ...["strange", headerOf(accessToken).kid].map((kid) => ({ kty: "oct", k, kid })),
    ]) {
      const alg = typeof key === "string" ? {} : { alg: "HS256" };
      const forged = await sign(
        claimsOf(accessToken),
        typeof key === "string" ? key : ({ ...key, ...alg } as never),
      );
      expect((await app.withToken("GET", "/api/getUser", `Bearer ${forged}`)).body.code).toBe(
        "token_invalid",
      );
    }
  });
  test("instances with the same secret name it alike, and the name is not the secret", async () => {
    const [one, two] = [await (await testApp()).newUser(), await (await testApp()).newUser()];
    expect(headerOf(one.accessToken).kid).toBe(headerOf(two.accessToken).kid);
    const { kid } = headerOf(one.accessToken);
    for (const form of ["utf8", "hex", "base64url"] as const)
      expect(Buffer.from(TEST_SECRET).toString(form)).not.toContain(kid);
  });
});

test("a secret is bytes, also one that looks like a PEM file or is not ASCII", async () => {
  for (const secret of [
    "the PUBLIC and PRIVATE test secret 0123456789",
    "тест-секрет-тест-секрет-тест-секрет",
    "x",
  ]) {
    const app = await testApp({ env: { JWT_SECRET_KEY: secret } });
    const { accessToken } = await app.newUser();
    expect((await app.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
    const [head, , signature] = accessToken.replace("Bearer ", "").split(".");
    const payload = accessToken.split(".")[1];
    expect(signature).toBe(
      new Bun.CryptoHasher("sha256", secret).update(`${head}.${payload}`).digest("base64url"),
    );
  }
});
