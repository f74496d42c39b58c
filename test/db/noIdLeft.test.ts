import { expect, test } from "bun:test";
import { sign } from "hono/jwt";
import { PASSWORD, TEST_SECRET, testApp } from "../support/app.ts";
import { migratedDatabase } from "../support/database.ts";

/** The last id that the seed's `int` has. */
const LAST_ID = 2_147_483_647;

test("a blocklist with no id left is a failure, never a success: nothing is stored and nothing half done", async () => {
  const { pool, db } = await migratedDatabase();
  const it = await testApp({ db });
  const { username, accessToken, refreshToken } = await it.newUser();
  const now = Math.floor(it.clock.ms / 1000);
  const claims = { sub: username, type: "refresh", jti: crypto.randomUUID(), fresh: false };
  const flasks = `Bearer ${await sign({ ...claims, iat: now, nbf: now, exp: now + 3600 }, TEST_SECRET, "HS256")}`;
  const writes = [
    ["/api/logout", accessToken],
    ["/api/rotateToken", flasks],
  ] as const;
  await pool.query("INSERT INTO revoked_tokens (id, jti) VALUES (?, 'the last one')", [LAST_ID]);

  for (const [path, token] of writes) {
    const answer = await it.withToken("POST", path, token);
    expect([path, answer.status, answer.body.code]).toEqual([path, 503, "database_unavailable"]);
  }
  const told = it.logged.filter(({ message }) => message === "database unavailable");
  expect(told.map(({ fields }) => fields.code)).toEqual(["BLOCKLIST_FULL", "BLOCKLIST_FULL"]);
  for (const token of [refreshToken, flasks])
    expect((await it.withToken("GET", "/api/refreshToken", token)).status).toBe(200);

  await pool.query("ALTER TABLE revoked_tokens MODIFY id bigint NOT NULL AUTO_INCREMENT"); // docs/scaling.md
  for (const [path, token] of writes) expect((await it.withToken("POST", path, token)).status).toBe(200);
  expect((await it.withToken("GET", "/api/refreshToken", refreshToken)).body.code).toBe("token_revoked");
});

test("a table of users with no id left fails registrations, and calls no name taken that is free", async () => {
  const { pool, db } = await migratedDatabase();
  const it = await testApp({ db });
  await pool.query(
    "INSERT INTO user (id, username, created_at, updated_at) VALUES (?, 'the last one', NOW(), NOW())",
    [LAST_ID],
  );
  const register = (name: string) => it.post("/api/register", { username: name, password: PASSWORD });
  expect((await register("somebody new")).body.code).toBe("internal_error");
  const [told] = it.logged.filter(({ message }) => message === "internal error");
  expect(told?.fields.code).toMatch(/^ER_/);
  await pool.query("ALTER TABLE user MODIFY id bigint NOT NULL AUTO_INCREMENT COMMENT '主键ID'");
  expect((await register("somebody new")).status).toBe(200);
});

test("a token that another request has just blocked is none", async () => {
  const it = await testApp();
  const { accessToken } = await it.newUser();
  const answers = await Promise.all([1, 2, 3, 4].map(() => it.withToken("POST", "/api/logout", accessToken)));
  for (const { status, body } of answers) expect([200, 401], body.code).toContain(status);
});
