import { expect, test } from "bun:test";
import type { Database } from "../../src/db/connection.ts";
import { insertRevoked } from "../../src/db/tokens.ts";
import { testApp } from "../support/app.ts";
import { migratedDatabase } from "../support/database.ts";

test("a logout whose id would be cut is a failure, never a success: the token stays good and nothing is stored", async () => {
  const { pool, db } = await migratedDatabase();
  await pool.query("ALTER TABLE revoked_tokens MODIFY jti varchar(20)");
  const it = await testApp({ db });
  const { accessToken, refreshToken } = await it.newUser();
  const { accessToken: second } = (await it.withToken("GET", "/api/refreshToken", refreshToken)).body
    .data as { accessToken: string };
  for (const token of [accessToken, second]) {
    const { status, body } = await it.withToken("POST", "/api/logout", token);
    expect([status, body.code]).toEqual([503, "database_unavailable"]);
    expect((await it.withToken("GET", "/api/getUserList", token)).status).toBe(200);
  }
  expect(await pool.query("SELECT id FROM revoked_tokens").then(([rows]) => rows)).toEqual([]);
  await pool.query("ALTER TABLE revoked_tokens MODIFY jti varchar(36)");
  expect((await it.withToken("POST", "/api/logout", accessToken)).status).toBe(200);
  expect((await it.withToken("GET", "/api/getUserList", second)).body.code).toBe("token_revoked");
});

test("the look whether it is there is left out when all went well", async () => {
  const { pool, db } = await migratedDatabase();
  let sent = 0;
  const execute = (...query: Parameters<typeof pool.execute>) => {
    sent++;
    return pool.execute(...query);
  };
  const counting = Object.assign(Object.create(db) as Database, { $client: { execute } });
  const statementsOf = async (parentJti: string | null, jti = crypto.randomUUID()) => {
    sent = 0;
    await insertRevoked(counting, { jti, parentJti }, 2_000_000_000);
    return sent;
  };
  const parent = crypto.randomUUID();
  expect(await statementsOf(null)).toBe(1);
  expect(await statementsOf(parent)).toBe(1);
  expect(await statementsOf(parent)).toBe(3); // that was there before
});
