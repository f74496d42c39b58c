import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import type { Pool } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { openDatabase, openPool } from "../../src/db/connection.ts";
import { databaseFailure, isUnavailable } from "../../src/db/failures.ts";
import { sharing } from "../../src/db/sharing.ts";
import { type Allowance, limitTime } from "../../src/db/timeLimit.ts";
import { findTokenOwner } from "../../src/db/tokens.ts";
import { inTransaction } from "../../src/db/transaction.ts";
import { migratedDatabase } from "../support/database.ts";

let target: DatabaseTarget;
const pools: Pool[] = [];
beforeAll(async () => {
  ({ target } = await migratedDatabase());
});
afterAll(() => Promise.all(pools.map((pool) => pool.end())));

/** One connection, and an allowance in hand. */
function single(leftMs: number) {
  const allowance: Allowance = { leftMs };
  const open = openPool(target, 1);
  pools.push(open);
  return { allowance, pool: limitTime(open, allowance), db: openDatabase(open, allowance) };
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "no failure",
    (error) => databaseFailure(error)?.code,
  );
const thread = async (pool: Pool) => {
  const [rows] = await pool.query("SELECT CONNECTION_ID() AS id");
  return (rows as { id: number }[])[0]?.id;
};

test("a wait for a connection ends, and a connection that comes too late goes back", async () => {
  const { allowance, pool } = single(Number.POSITIVE_INFINITY);
  const held = await pool.getConnection();
  allowance.leftMs = 50;
  expect(await codeOf(pool.query("SELECT 1"))).toBe("DATABASE_TIMEOUT");
  expect(await codeOf(pool.getConnection())).toBe("DATABASE_TIMEOUT");
  allowance.leftMs = Number.POSITIVE_INFINITY;
  held.release();
  expect(await thread(pool)).toBe(held.threadId);
});

test("a statement that takes too long loses its connection, and its answer comes to nobody else", async () => {
  const { allowance, pool } = single(Number.POSITIVE_INFINITY);
  const before = await thread(pool);
  allowance.leftMs = 50;
  const slow = pool.query("SELECT SLEEP(1)").catch((error) => error);
  expect(isUnavailable(await slow)).toBe(true);
  allowance.leftMs = Number.POSITIVE_INFINITY;
  const after = await thread(pool);
  expect(after).toBeNumber();
  expect(after).not.toBe(before);
});

test("statements share what a request has left", async () => {
  const { allowance, pool } = single(60_000);
  await pool.query("SELECT SLEEP(0.05)");
  expect(allowance.leftMs).toBeLessThan(60_000 - 40);
  allowance.leftMs = 0;
  expect(await codeOf(pool.query("SELECT 1"))).toBe("DATABASE_TIMEOUT");
  expect(await codeOf(pool.execute("SELECT 1"))).toBe("DATABASE_TIMEOUT");
});

test("a transaction whose time is over is not stored, and its connection is not used again", async () => {
  const { allowance, pool, db } = single(Number.POSITIVE_INFINITY);
  const before = await thread(pool);
  const work = inTransaction(db, async (tx) => {
    await tx.execute(sql`INSERT INTO revoked_tokens (jti) VALUES ('never')`);
    allowance.leftMs = 0;
  });
  expect(await codeOf(work)).toBe("DATABASE_TIMEOUT");
  allowance.leftMs = Number.POSITIVE_INFINITY;
  expect(await thread(pool)).not.toBe(before);
  const [rows] = await pool.query("SELECT COUNT(*) AS n FROM revoked_tokens WHERE jti = 'never'");
  expect(rows).toMatchObject([{ n: 0 }]);
});

test("a transaction that cannot begin does not keep its connection", async () => {
  const { pool, db } = single(Number.POSITIVE_INFINITY);
  await pool.query("XA START 'busy'"); // in which no BEGIN is allowed
  await expect(inTransaction(db, async () => {})).rejects.toThrow();
  expect(await inTransaction(db, async () => "done")).toBe("done");
});

test("the server's errors that the driver has no names for are known too", async () => {
  const { pool } = single(Number.POSITIVE_INFINITY);
  const error = await pool.query("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1969").catch((thrown) => thrown);
  expect(databaseFailure(error)).toMatchObject({ code: "ER_1969", errno: 1969 });
  expect(isUnavailable(error)).toBe(true);
});

/** What a request sees of a pool of two connections. */
function views() {
  const pool = openPool(target, 2);
  pools.push(pool);
  const shared = openDatabase(pool);
  const limited = (allowance: Allowance) => openDatabase(pool, allowance);
  return (leftMs: number) => ({ shared, limited, allowance: { leftMs } });
}

test("whoever waits for a statement that another request sent pays for the wait too", async () => {
  const view = views();
  const requests = [view(60_000), view(60_000), view(60_000)];
  const ask = sharing(
    async (on, keys: number[]) => {
      await on.execute(sql`SELECT SLEEP(0.1)`);
      return keys;
    },
    { most: 10, least: 10 },
  );
  expect(await Promise.all(requests.map((request, key) => ask(request, key)))).toEqual([0, 1, 2]);
  for (const { allowance } of requests) expect(allowance.leftMs).toBeLessThan(59_901);
});

test("what requests share has one limit of time in all, as a request has", async () => {
  const ask = sharing(
    async (on, keys: number[]) => {
      for (let i = 0; i < 4; i++) await on.execute(sql`SELECT SLEEP(1)`);
      return keys;
    },
    { most: 10, least: 10 },
  );
  expect(await codeOf(ask(views()(60_000), 1))).toBe("DATABASE_TIMEOUT");
});

test("a check that shares nothing has what its request has left", async () => {
  const view = views();
  const flasks = { username: "a", jti: "b", parentJti: null, sessionId: null, notBefore: 0 };
  const request = view(60_000);
  expect(await findTokenOwner(request, flasks, 0)).toBeUndefined();
  expect(request.allowance.leftMs).toBeLessThan(60_000);
  expect(await codeOf(findTokenOwner(view(0), flasks, 0))).toBe("DATABASE_TIMEOUT");
});
