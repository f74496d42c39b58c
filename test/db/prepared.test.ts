import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import type { Pool, RowDataPacket } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { openDatabase, openPool } from "../../src/db/connection.ts";
import { changePrepared, prepared as send } from "../../src/db/statement.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { testApp } from "../support/app.ts";
import { migratedDatabase, rootConnection } from "../support/database.ts";

let target: DatabaseTarget;
const pools: Pool[] = [];
beforeAll(async () => {
  ({ target } = await migratedDatabase());
});
afterAll(() => Promise.all(pools.map((pool) => pool.end())));

/** A pool of one connection, and how many statements the server has prepared for it. */
function single(options?: { prepare: boolean }) {
  const pool = openPool(target, 1, options);
  pools.push(pool);
  const prepared = async () => {
    const [[row]] = await pool.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Com_stmt_prepare'");
    return Number(row?.Value);
  };
  return { pool, db: openDatabase(pool), prepared };
}
const TEXT = "SELECT ? AS said";

test("a statement is prepared once for a connection", async () => {
  const { db, prepared } = single();
  for (const said of ["a", "it's", "\\"]) expect(await send<unknown[]>(db, TEXT, [said])).toEqual([{ said }]);
  expect(await prepared()).toBe(1);
});

test("a pool whose connections do not last prepares none, and is answered the same", async () => {
  const { db, prepared } = single({ prepare: false });
  for (const said of ["a", "it's", "\\"]) expect(await send<unknown[]>(db, TEXT, [said])).toEqual([{ said }]);
  expect(await prepared()).toBe(0);
});

test("a server that prepares no more statements is asked in text", async () => {
  const { db, pool, prepared } = single();
  await pool.query("SELECT 1");
  const root = await rootConnection();
  const [[limit]] = await root.query<RowDataPacket[]>("SELECT @@GLOBAL.max_prepared_stmt_count AS was");
  try {
    await root.query("SET GLOBAL max_prepared_stmt_count = 0");
    expect(await send<unknown[]>(db, TEXT, ["a"])).toEqual([{ said: "a" }]);
  } finally {
    await root.query("SET GLOBAL max_prepared_stmt_count = ?", [limit?.was]);
    await root.end();
  }
  expect(await send<unknown[]>(db, TEXT, ["b"])).toEqual([{ said: "b" }]);
  expect(await prepared()).toBeGreaterThan(0); // whether a refused one counts depends on the server
});

/** Makes the statements of a pool's only connection unknown, as if a proxy had changed its server. */
function changeServer(pool: Pool): void {
  const { _freeConnections: free } = pool.pool as unknown as {
    _freeConnections: { get(at: number): { _statements: { values(): Iterable<{ id: number }> } } };
  };
  for (const statement of free.get(0)._statements.values()) statement.id = 999_999;
}

test("a connection whose server does not know its statement is given up, and the next one prepares it", async () => {
  const { db, pool, prepared } = single();
  const thread = async () => (await pool.query<RowDataPacket[]>("SELECT CONNECTION_ID() AS id"))[0][0]?.id;
  await send<unknown[]>(db, TEXT, ["a"]);
  const before = await thread();
  changeServer(pool);
  expect(await send<unknown[]>(db, TEXT, ["b"])).toEqual([{ said: "b" }]);
  expect(await thread()).not.toBe(before);
  expect(await prepared()).toBe(1);
});

test("a transaction whose server does not know a statement is begun anew on another connection, and stored once", async () => {
  const { db, pool } = single();
  const insert = "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?, ?)";
  const store = (jti: string) =>
    inTransaction(db, async (tx) => {
      await tx.execute(sql`INSERT INTO revoked_tokens (jti) VALUES (${`beside ${jti}`})`);
      return changePrepared(tx, insert, [jti, 1_900_000_000]);
    });
  await store("one");
  changeServer(pool);
  expect(await store("two")).toBe(1);
  const [rows] = await pool.query<RowDataPacket[]>(
    "SELECT jti FROM revoked_tokens WHERE jti LIKE '%two' ORDER BY jti",
  );
  expect(rows).toMatchObject([{ jti: "beside two" }, { jti: "two" }]);
});

test("a request's view of a pool that prepares none does not either", async () => {
  const { pool, prepared } = single({ prepare: false });
  const db = openDatabase(pool, { leftMs: 60_000 });
  expect(await send<unknown[]>(db, TEXT, ["a"])).toEqual([{ said: "a" }]);
  expect(await prepared()).toBe(0);
});

test("checks of any number at once find each its own user, and which of their tokens are blocked", async () => {
  const { db } = await migratedDatabase();
  const it = await testApp({ db });
  const users = await Promise.all(Array.from({ length: 60 }, () => it.newUser()));
  const out = users.filter((_, i) => i % 7 === 3);
  await Promise.all(out.map(({ accessToken }) => it.withToken("POST", "/api/logout", accessToken)));
  for (const many of [1, 2, 4, 5, 6, 9, 10, 13, 16, 17, 21, 25, 33, 34, 60]) {
    // After one alone the first of many is asked about alone as well, and all others in one statement, of every size in turn.
    await it.withToken("GET", "/api/getUser", users[0]?.accessToken ?? "");
    const answers = await Promise.all(
      users.slice(0, many).map(({ accessToken }) => it.withToken("GET", "/api/getUser", accessToken)),
    );
    for (const [i, { status, body }] of answers.entries()) {
      if (i % 7 === 3) expect([i, status, body.code]).toEqual([i, 401, "token_revoked"]);
      else expect(body.data).toMatchObject({ username: users[i]?.username });
    }
  }
  const { body } = await it.withToken("GET", "/api/getUser", users[0]?.accessToken ?? "");
  expect((body.data as { created_at: string }).created_at).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
});
