import { expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { countAttempt } from "../../src/db/attempts.ts";
import { lockName } from "../../src/db/locks.ts";
import { blocklistIdsUsed, purgeExpired } from "../../src/db/purge.ts";
import { purge, startPurging } from "../../src/runtime/purgeTimer.ts";
import { migratedDatabase, poolOn } from "../support/database.ts";
import { until } from "../support/process.ts";

const NOW = Math.floor(Date.now() / 1000);

test("deletes what has run out, in many batches, and keeps the rest, rows without expiry included", async () => {
  const { pool } = await migratedDatabase();
  const revoked = [...Array(1203).keys()].map((n) => [`old-${n}`, NOW - 61 - n]);
  await pool.query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ?", [
    [...revoked, ["live", NOW + 1], ["just now", NOW - 59], ["flask's", null]],
  ]);
  const session = (id: string, expires: number) => [id, 1, 0, 0, expires];
  await pool.query("INSERT INTO session (id, user_id, created_at, last_used_at, expires_at) VALUES ?", [
    [session("old", NOW - 100), session("live", NOW + 100)],
  ]);
  await pool.query("INSERT INTO attempt (bucket, count, expires_at) VALUES ('old', 1, ?), ('live', 1, ?)", [
    NOW - 61,
    NOW + 1,
  ]);
  expect(await purgeExpired(pool, NOW)).toBe(1205);
  const [kept] = await pool.query<RowDataPacket[]>("SELECT jti FROM revoked_tokens ORDER BY jti");
  expect(kept.map(({ jti }) => jti)).toEqual(["flask's", "just now", "live"]);
  const [open] = await pool.query<RowDataPacket[]>("SELECT id FROM session");
  expect(open.map(({ id }) => id)).toEqual(["live"]);
  const [counts] = await pool.query<RowDataPacket[]>("SELECT bucket FROM attempt");
  expect(counts.map(({ bucket }) => bucket)).toEqual(["live"]);
  expect(await purgeExpired(pool, NOW)).toBe(0);
});

test("one instance at a time; the lock goes back to the others", async () => {
  const { pool, target } = await migratedDatabase();
  const holder = await poolOn(target).pool.getConnection();
  await holder.query(`SELECT GET_LOCK(${lockName("purge")}, 0)`);
  expect(await purgeExpired(pool, NOW)).toBeNull();
  await holder.query(`SELECT RELEASE_LOCK(${lockName("purge")})`);
  holder.release();
  expect(await purgeExpired(pool, NOW)).toBe(0);
});

test("goes by the earlier of two clocks, ours and the database's, and says that they are apart", async () => {
  const { pool } = await migratedDatabase();
  const told: { fields: object; message: string }[] = [];
  const keep = (fields: object, message: string) => void told.push({ fields, message });
  const log = { info: keep, warn: keep, error: keep };
  const left = async () => {
    const [rows] = await pool.query<RowDataPacket[]>("SELECT jti FROM revoked_tokens ORDER BY jti");
    return rows.map(({ jti }) => jti);
  };
  const day = 86_400;
  await pool.query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ('live', ?), ('old', ?)", [
    NOW + day,
    NOW - day,
  ]);
  await pool.query(
    "INSERT INTO session (id, user_id, created_at, last_used_at, expires_at) VALUES ('live', 1, 0, 0, ?)",
    [NOW + 30 * day],
  );
  await purge(pool, () => Date.now() - 31 * day * 1000, log);
  expect(await left()).toEqual(["live", "old"]);
  await purge(pool, () => Date.now() + 31 * day * 1000, log);
  expect(await left()).toEqual(["live"]);
  const [sessions] = await pool.query<RowDataPacket[]>("SELECT id FROM session");
  expect(sessions).toHaveLength(1);
  const apart = told.filter(({ message }) => message === "this clock and the database's are apart");
  const ahead = apart.map(({ fields }) => Math.round((fields as { aheadSeconds: number }).aheadSeconds / 60));
  expect(ahead).toEqual([-31 * 1440, 31 * 1440]);
});

test("says when half of the blocklist's ids are used, until the column is wider", async () => {
  const { pool } = await migratedDatabase();
  const told: unknown[] = [];
  const log = { info: () => {}, warn: (...line: unknown[]) => told.push(line), error: () => {} };
  const run = () => purge(pool, Date.now, log);
  await run();
  await pool.query("INSERT INTO revoked_tokens (id, jti, expires_at) VALUES (1073741823, 'a', 1)");
  expect(await blocklistIdsUsed(pool)).toBeLessThan(0.5);
  await run();
  expect(told).toEqual([]);
  await pool.query("INSERT INTO revoked_tokens (id, jti, expires_at) VALUES (1900000000, 'b', 1)");
  await run(); // which also deletes the row
  expect(told).toEqual([[{ usedPercent: 88 }, "ids of revoked_tokens run out"]]);
  await pool.query("INSERT INTO revoked_tokens (id, jti) VALUES (1900000001, 'c')");
  for (const wider of ["bigint", "int unsigned"]) {
    await pool.query(`ALTER TABLE revoked_tokens MODIFY id ${wider} NOT NULL AUTO_INCREMENT`);
    await run();
    expect(told).toHaveLength(1);
  }
});

test("leaves a count that begins anew while it is at it", async () => {
  const { pool, db } = await migratedDatabase();
  await pool.query("INSERT INTO attempt (bucket, count, expires_at) VALUES ('old', 1, ?)", [NOW - 61]);
  // Between what the purge reads and what it deletes: its own connection says when.
  const getConnection = pool.getConnection.bind(pool);
  pool.getConnection = async () => {
    const connection = await getConnection();
    const query = connection.query.bind(connection) as (...sent: unknown[]) => Promise<unknown>;
    const meddled = async (sent: { sql: string } | string, ...rest: unknown[]) => {
      if (/^delete from `attempt`/.test(typeof sent === "string" ? sent : sent.sql))
        await countAttempt(db, "old", NOW, 60);
      return query(sent, ...rest);
    };
    return Object.assign(connection, { query: meddled });
  };
  expect(await purgeExpired(pool, NOW)).toBe(0);
  const [counts] = await pool.query<RowDataPacket[]>("SELECT expires_at FROM attempt");
  expect(counts).toEqual([{ expires_at: NOW + 60 }] as never);
});

test("stops after the batch at hand, whatever is left", async () => {
  const { pool } = await migratedDatabase();
  const left = async () =>
    (await pool.query<RowDataPacket[]>("SELECT COUNT(*) AS n FROM revoked_tokens"))[0][0]?.n as number;
  for (let tens = 0; tens < 4; tens++)
    await pool.query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ?", [
      Array.from({ length: 10_000 }, (_, n) => [`${tens}-${n}`, 1]),
    ]);
  const silent = () => {};
  const stop = startPurging(pool, 0.01, Date.now, { info: silent, warn: silent, error: silent });
  await until(
    async () => (await left()) < 40_000,
    () => "nothing was purged",
  );
  await stop();
  const after = await left();
  expect(after).toBeGreaterThan(0);
  await Bun.sleep(50);
  expect(await left()).toBe(after);
});

test("goes on when a purge failed, and ends with the one at hand", async () => {
  const { pool, target } = await migratedDatabase();
  const told: { fields: object; message: string }[] = [];
  const keep = (fields: object, message: string) => void told.push({ fields, message });
  const log = { info: keep, warn: keep, error: keep };
  const seen = { purged: 0, failed: 0 };
  const observer = { onPurged: () => void seen.purged++, onFailed: () => void seen.failed++ };
  await pool.query("RENAME TABLE attempt TO away");
  const stop = startPurging(poolOn(target).pool, 0.01, Date.now, log, observer);
  await until(
    () => seen.failed > 1,
    () => "no purge failed",
  );
  expect(told[0]).toEqual({ fields: { code: "ER_NO_SUCH_TABLE" }, message: "purge failed" });
  await pool.query("RENAME TABLE away TO attempt");
  await pool.query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ('old', 1)");
  await until(
    () => told.some(({ message }) => message === "purged expired rows"),
    () => "nothing was purged",
  );
  await stop();
  const { purged } = seen;
  await Bun.sleep(50);
  expect([purged > 0, seen.purged]).toEqual([true, purged]);
});
