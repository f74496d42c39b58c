import { beforeAll, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { sessions } from "../../src/db/schema.ts";
import { claimsOf, PASSWORD, sharedDatabase, type TestApp, testApp, unique } from "../support/app.ts";
import { rootConnection } from "../support/database.ts";

let it: TestApp;
let other: TestApp; // another instance on the same database
beforeAll(async () => {
  it = await testApp();
  other = await testApp();
});

const REVOKED = { success: false, message: "Token has been revoked", data: null, code: "token_revoked" };

describe("POST /api/logout", () => {
  test("ends the session: both tokens and every access token refreshed from it, on every instance", async () => {
    const { accessToken, refreshToken } = await it.newUser();
    const refreshed = (await it.withToken("GET", "/api/refreshToken", refreshToken)).body.data as {
      accessToken: string;
    };
    const answer = await it.withToken("POST", "/api/logout", accessToken);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ success: true, message: "Ok", data: null });
    for (const instance of [it, other]) {
      for (const token of [accessToken, refreshed.accessToken]) {
        const refused = await instance.withToken("GET", "/api/getUserList", token);
        expect(refused.status).toBe(401);
        expect(refused.body).toEqual(REVOKED as never);
      }
      for (const path of ["/api/refreshToken", "/api/login"]) {
        expect((await instance.withToken("GET", path, refreshToken)).body).toEqual(REVOKED as never);
      }
      expect((await instance.withToken("POST", "/api/logout", accessToken)).body).toEqual(REVOKED as never);
    }
  });

  test("leaves the user's other sessions alone", async () => {
    const one = await it.newUser();
    const two = await it.login(one.username);
    await it.withToken("POST", "/api/logout", one.accessToken);
    expect((await it.withToken("GET", "/api/getUserList", two.accessToken)).status).toBe(200);
  });

  test("takes no refresh token and needs one at all", async () => {
    const { refreshToken } = await it.newUser();
    expect((await it.withToken("POST", "/api/logout", refreshToken)).body.code).toBe("token_wrong_type");
    expect((await it.request("POST", "/api/logout")).body.code).toBe("token_missing");
  });

  test("another spelling of the same token is revoked with it", async () => {
    const { accessToken } = await it.newUser();
    await it.withToken("POST", "/api/logout", accessToken);
    for (const spelling of [`${accessToken}=`, `Basic eA==, ${accessToken}`]) {
      expect((await it.withToken("GET", "/api/getUserList", spelling)).body.code).toBe("token_revoked");
    }
  });

  test("is a failure when it could not be stored, and the session goes on", async () => {
    const { accessToken } = await it.newUser();
    const { pool } = await sharedDatabase();
    const root = await rootConnection();
    const { target } = await sharedDatabase();
    const trigger = unique("no_delete").replaceAll("-", "_");
    await root.query(`USE ${target.database}`);
    const sid = claimsOf(accessToken).sid;
    await root.query(
      `CREATE TRIGGER ${trigger} BEFORE DELETE ON session FOR EACH ROW
       IF OLD.id = '${sid}' THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1114; END IF`,
    );
    try {
      const answer = await it.withToken("POST", "/api/logout", accessToken);
      expect(answer.status).toBe(503);
      expect(answer.body.code).toBe("database_unavailable");
      expect(answer.headers.get("Retry-After")).toMatch(/^\d+$/);
    } finally {
      await root.query(`DROP TRIGGER ${trigger}`);
      await root.end();
    }
    const [rows] = await pool.query("SELECT 1 FROM revoked_tokens WHERE jti = ?", [
      claimsOf(accessToken).jti,
    ]);
    expect(rows).toHaveLength(0); // neither half was stored
    expect((await it.withToken("POST", "/api/logout", accessToken)).status).toBe(200);
  });

  test("leaves the token's own id and expiry in revoked_tokens, for Flask to see", async () => {
    const { accessToken } = await it.newUser();
    await it.withToken("POST", "/api/logout", accessToken);
    const { jti, exp } = claimsOf(accessToken);
    const { pool } = await sharedDatabase();
    const [rows] = await pool.query("SELECT jti, expires_at FROM revoked_tokens WHERE jti = ?", [jti]);
    expect(rows).toEqual([{ jti, expires_at: exp }] as never);
  });
});

describe("a token whose user or session is gone", () => {
  test("of a deleted user is refused", async () => {
    const { username, accessToken, refreshToken } = await it.newUser();
    const { pool } = await sharedDatabase();
    await pool.query("DELETE FROM user WHERE username = ?", [username]);
    expect((await it.withToken("GET", "/api/getUserList", accessToken)).body).toEqual(REVOKED as never);
    expect((await it.withToken("GET", "/api/refreshToken", refreshToken)).body).toEqual(REVOKED as never);
    // Whoever takes the name next is somebody else.
    await it.post("/api/register", { username, password: PASSWORD });
    expect((await it.withToken("GET", "/api/getUserList", accessToken)).body).toEqual(REVOKED as never);
  });

  test("of a session that has run out is refused, though the token itself has not", async () => {
    const { accessToken } = await it.newUser();
    const now = Math.floor(it.clock.ms / 1000) - 10; // the leeway
    await it.db
      .update(sessions)
      .set({ expiresAt: now })
      .where(eq(sessions.id, claimsOf(accessToken).sid));
    expect((await it.withToken("GET", "/api/getUserList", accessToken)).body.code).toBe("token_revoked");
  });
});
