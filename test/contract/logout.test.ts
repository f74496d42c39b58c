import { beforeAll, describe, expect, test } from "bun:test";
import { eq } from "drizzle-orm";
import { sign } from "hono/jwt";
import { sessions } from "../../src/db/schema.ts";
import {
  claimsOf,
  PASSWORD,
  sharedDatabase,
  TEST_SECRET,
  type TestApp,
  testApp,
  unique,
} from "../support/app.ts";
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

  for (const half of ["DELETE ON session", "INSERT ON revoked_tokens"]) {
    test(`is a failure when it could not be stored, and the session goes on: ${half}`, async () => {
      const { accessToken } = await it.newUser();
      const { sid, jti } = claimsOf(accessToken);
      const { pool, target } = await sharedDatabase();
      const root = await rootConnection(target.database);
      const trigger = unique("refuse").replaceAll("-", "_");
      const row = half.startsWith("DELETE") ? `OLD.id = '${sid}'` : `NEW.jti = '${jti}'`;
      await root.query(
        `CREATE TRIGGER ${trigger} BEFORE ${half} FOR EACH ROW
         IF ${row} THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1114; END IF`,
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
      const [rows] = await pool.query("SELECT 1 FROM revoked_tokens WHERE jti = ?", [jti]);
      expect(rows).toHaveLength(0); // neither half was stored
      expect((await it.withToken("POST", "/api/logout", accessToken)).status).toBe(200);
    });
  }

  test("leaves the token's own id and expiry in revoked_tokens, for Flask to see", async () => {
    const { accessToken } = await it.newUser();
    await it.withToken("POST", "/api/logout", accessToken);
    const { jti, exp } = claimsOf(accessToken);
    const { pool } = await sharedDatabase();
    const [rows] = await pool.query("SELECT jti, expires_at FROM revoked_tokens WHERE jti = ?", [jti]);
    expect(rows).toEqual([{ jti, expires_at: exp }] as never);
  });
});

/** Everything below /api that is no login and no registration, and the type of token it takes. */
const GUARDED: Record<string, "accessToken" | "refreshToken"> = {
  "GET /api/getUserList": "accessToken",
  "GET /api/getUser": "accessToken",
  "GET /api/getSessionList": "accessToken",
  "POST /api/changePassword": "accessToken",
  "POST /api/logout": "accessToken",
  "GET /api/refreshToken": "refreshToken",
  "GET /api/login": "refreshToken",
  "POST /api/rotateToken": "refreshToken",
};

describe("a token that no longer stands is refused by every route", () => {
  test("and no route is missing here", () => {
    const open = ["POST /api/register", "POST /api/login", "POST /api/refreshToken"];
    const routes = it.app.routes.filter(({ method, path }) => method !== "ALL" && path.startsWith("/api/"));
    const named = new Set(routes.map(({ method, path }) => `${method} ${path}`));
    expect([...named].sort()).toEqual([...open, ...Object.keys(GUARDED)].sort());
  });
  const ended: Record<string, string> = {
    "its id is blocked": "INSERT INTO revoked_tokens (jti) VALUES (:access), (:refresh)",
    "its session was ended": "DELETE FROM session WHERE id = :sid",
    "its session has run out": "UPDATE session SET expires_at = 1 WHERE id = :sid",
    "its session is another user's": "UPDATE session SET user_id = 0 WHERE id = :sid",
    "its user is disabled": "UPDATE user SET disabled_at = 1 WHERE username = :username",
    "its user is gone": "DELETE FROM user WHERE username = :username",
  };
  for (const [why, sql] of Object.entries(ended)) {
    test(why, async () => {
      const { target } = await sharedDatabase();
      const root = await rootConnection(target.database);
      const page = ["GET /api/getUserList?limit=1", "accessToken"] as const;
      for (const [route, type] of [...Object.entries(GUARDED), page]) {
        const user = await it.newUser();
        const [access, refresh] = [claimsOf(user.accessToken), claimsOf(user.refreshToken)];
        const values = { access: access.jti, refresh: refresh.jti, sid: access.sid, username: user.username };
        await root.query({ sql, values, namedPlaceholders: true } as never);
        const [method = "", path = ""] = route.split(" ");
        const answer = await it.request(method, path, {
          headers: { Authorization: user[type], "Content-Type": "application/json" },
          ...(path.endsWith("changePassword")
            ? { body: JSON.stringify({ password: PASSWORD, newPassword: `${PASSWORD} 2` }) }
            : {}),
        });
        expect([route, answer.status, answer.body.code]).toEqual([route, 401, "token_revoked"]);
      }
      await root.end();
    });
  }
});

test("a token that was ended while a body trickled in does nothing more", async () => {
  for (const path of ["/api/logout", "/api/changePassword"]) {
    const { username, accessToken } = await it.newUser();
    const newer = await it.login(username);
    const asked = { scope: "all", password: PASSWORD, newPassword: `${PASSWORD}!` };
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          expect((await other.withToken("POST", "/api/logout", accessToken)).status).toBe(200);
          controller.enqueue(new TextEncoder().encode(JSON.stringify(asked)));
          controller.close();
        },
      },
      { highWaterMark: 0 }, // it begins when somebody reads it
    );
    const headers = {
      Authorization: accessToken,
      "Content-Type": "application/json",
      "Content-Length": String(JSON.stringify(asked).length),
    };
    const answer = await it.request("POST", path, { headers, body });
    expect([path, answer.status, answer.body.code]).toEqual([path, 401, "token_revoked"]);
    expect((await it.withToken("GET", "/api/getUser", newer.accessToken)).status).toBe(200);
    expect((await it.post("/api/login", { username, password: PASSWORD })).status).toBe(200);
  }
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

  test("and names no session is not the next user's of that name", async () => {
    const app = await testApp();
    const { username, accessToken } = await app.newUser();
    const { sid: _, ...claims } = claimsOf(accessToken);
    const flask = `Bearer ${await sign({ ...claims, jti: crypto.randomUUID() }, TEST_SECRET, "HS256")}`;
    expect((await app.withToken("GET", "/api/getUser", flask)).status).toBe(200);
    await (await sharedDatabase()).pool.query("DELETE FROM user WHERE username = ?", [username]);
    app.clock.advance(60);
    await app.newUser(username);
    expect((await app.withToken("GET", "/api/getUser", flask)).body.code).toBe("token_revoked");
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
