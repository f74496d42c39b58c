import { expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { openPool, SESSION_SETTINGS } from "../../src/db/connection.ts";
import type { DatabaseFailure } from "../../src/db/failures.ts";
import { wallClock } from "../../src/db/wallClock.ts";
import { PASSWORD, testApp } from "../support/app.ts";
import { migratedDatabase, poolOn, rootConnection } from "../support/database.ts";
import { until } from "../support/process.ts";

test("wallClock shows the zone's clock, across a change of summer time and at midnight", () => {
  const berlin = wallClock("Europe/Berlin");
  expect(berlin(Date.UTC(2026, 2, 29, 0, 59, 59))).toBe("2026-03-29 01:59:59");
  expect(berlin(Date.UTC(2026, 2, 29, 1, 0, 0))).toBe("2026-03-29 03:00:00");
  expect(wallClock("UTC")(Date.UTC(2026, 0, 1, 0, 0, 0))).toBe("2026-01-01 00:00:00");
  expect(wallClock("Asia/Kathmandu")(Date.UTC(2026, 0, 1, 0, 0, 0))).toBe("2026-01-01 05:45:00");
  expect(() => wallClock("Mars/Olympus")).toThrow(RangeError);
});

test("no answer depends on the zone of the database's session", async () => {
  const { target } = await migratedDatabase();
  const root = await rootConnection();
  const seen: string[] = [];
  try {
    for (const zone of ["-12:00", "+13:00"]) {
      await root.query("SET GLOBAL time_zone = ?", [zone]);
      const { pool, db } = poolOn(target); // new connections take the server's zone
      const [[session]] = (await pool.query("SELECT @@session.time_zone AS zone")) as never as [
        [{ zone: string }],
      ];
      expect(session.zone).toBe(zone);
      const it = await testApp({ db, startMs: Date.UTC(2026, 10, 22, 12, 0, 0) });
      const { username, accessToken } = await it.newUser();
      const list = (await it.withToken("GET", "/api/getUserList", accessToken)).body.data as {
        username: string;
        created_at: string;
      }[];
      seen.push(list.find((user) => user.username === username)?.created_at ?? "");
      expect((await it.withToken("POST", "/api/logout", accessToken)).status).toBe(200);
    }
  } finally {
    await root.query("SET GLOBAL time_zone = 'SYSTEM'");
    await root.end();
  }
  expect(seen).toEqual(["2026-11-22 20:00:00", "2026-11-22 20:00:00"]);
});

test("a login never outlives a change of password, whatever the server's isolation level is", async () => {
  const { target } = await migratedDatabase();
  const root = await rootConnection();
  try {
    await root.query("SET GLOBAL TRANSACTION ISOLATION LEVEL READ COMMITTED");
    const [[level]] = (await poolOn(target).pool.query(
      "SHOW SESSION VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')",
    )) as never as [[{ Value: string }]];
    expect(level.Value).toBe("REPEATABLE-READ");
    const { pool, db } = poolOn(target);
    // Nor does it rest on that: these connections are set back.
    const weaker = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    pool.pool.on("connection", (connection) => connection.query(weaker, () => {}));
    const it = await testApp({ db });
    const user = await it.newUser();
    // A change that has written the new hash and not yet committed: the login has to wait for it.
    const changing = await pool.getConnection();
    await changing.beginTransaction();
    await changing.query("UPDATE user SET pwd = 'changed' WHERE username = ?", [user.username]);
    const login = it.post("/api/login", { username: user.username, password: PASSWORD });
    const waiting = async () => {
      const [running] = await root.query<RowDataPacket[]>("SHOW FULL PROCESSLIST");
      return running.some(({ Info }) => /UPDATE user u SET u.logins/.test(Info ?? ""));
    };
    await until(waiting, () => "the login did not wait", login);
    await changing.commit();
    changing.release();
    expect((await login).body.code).toBe("invalid_password");
  } finally {
    await root.query("SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    await root.end();
  }
});

test("a change of password waits until the session of a login that came first is stored", async () => {
  const { target, pool, db } = await migratedDatabase();
  const it = await testApp({ db });
  const { username } = await it.newUser();
  const [holder, changing] = await Promise.all([pool.getConnection(), pool.getConnection()]);
  await holder.beginTransaction();
  await holder.query("SELECT id FROM session FOR UPDATE"); // and so no other session is stored
  const login = it.post("/api/login", { username, password: PASSWORD });
  const waiting = async () => {
    const [running] = await holder.query<RowDataPacket[]>("SHOW FULL PROCESSLIST");
    return running.some(({ db, Info }) => db === target.database && /INSERT INTO session/.test(Info ?? ""));
  };
  await until(waiting, () => "the login did not wait", login);
  const change = changing.query("SELECT id FROM user WHERE username = ? FOR UPDATE NOWAIT", [username]);
  expect([1205, 3572]).toContain(await change.catch(({ errno }) => errno)); // MariaDB's and MySQL's word for it
  await holder.rollback();
  for (const connection of [holder, changing]) connection.release();
  expect((await login).status).toBe(200);
});

test("a lock that is not let go of ends in 503 within the time limit", async () => {
  const { target } = await migratedDatabase();
  const { pool, db } = poolOn(target);
  const it = await testApp({ db });
  const user = await it.newUser();
  const holder = await pool.getConnection();
  await holder.beginTransaction();
  await holder.query("SELECT id FROM user WHERE username = ? FOR UPDATE", [user.username]);
  const answers = await Promise.all([
    it.post("/api/login", { username: user.username, password: PASSWORD }),
    it.post("/api/logout", { scope: "all" }, { Authorization: user.accessToken }),
  ]);
  await holder.rollback();
  holder.release();
  for (const { status, body } of answers) expect([status, body.code]).toEqual([503, "database_unavailable"]);
  // By the server's own limit, so that what was given up is not done later.
  const codes = it.logged.filter(({ level }) => level === "warn").map(({ fields }) => fields.code);
  expect(codes).toEqual(["ER_LOCK_WAIT_TIMEOUT", "ER_LOCK_WAIT_TIMEOUT"]);
  expect((await it.withToken("GET", "/api/getUser", user.accessToken)).status).toBe(200);
});

test("a table that is not let go of: 503 within the time limit, and what was given up is not done later", async () => {
  const { target } = await migratedDatabase();
  const it = await testApp({ db: poolOn(target).db });
  const root = await rootConnection(target.database);
  await root.query("LOCK TABLES user READ");
  const refused = await it.post("/api/register", { username: "late", password: PASSWORD });
  await root.query("UNLOCK TABLES");
  expect([refused.status, refused.body.code]).toEqual([503, "database_unavailable"]);
  // By the server's own limit: MySQL would have a write wait on, and do it now.
  const [line] = it.logged.filter(({ message }) => message === "database unavailable");
  expect(line?.fields.code).toBe("ER_LOCK_WAIT_TIMEOUT");
  const [rows] = await root.query<RowDataPacket[]>("SELECT id FROM user WHERE username = 'late' FOR UPDATE");
  expect(rows).toEqual([]);
  await root.end();
});

test("reads wait for the other nodes where the server can be part of a cluster (tried on one: engines/galera.nodes.ts)", async () => {
  const { pool } = await migratedDatabase();
  const [known] = await pool.query<RowDataPacket[]>("SHOW GLOBAL VARIABLES LIKE 'wsrep_sync_wait'");
  const [set] = await pool.query<RowDataPacket[]>("SHOW SESSION VARIABLES LIKE 'wsrep_sync_wait'");
  expect(set.map(({ Value }) => Value)).toEqual(known.map(() => "7"));
});

test("connections of ours are strict and escape safely whatever the server's sql_mode is", async () => {
  const { target } = await migratedDatabase();
  const root = await rootConnection();
  const [[before]] = (await root.query("SELECT @@global.sql_mode AS mode")) as never as [[{ mode: string }]];
  try {
    await root.query("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
    const { pool, db } = poolOn(target);
    const [[session]] = (await pool.query("SELECT @@session.sql_mode AS mode")) as never as [
      [{ mode: string }],
    ];
    expect(session.mode).toBe("STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION");
    const it = await testApp({ db });
    const name = "\\' OR 1=1 -- ";
    expect((await it.post("/api/login", { username: name, password: "x" })).body.code).toBe(
      "unknown_username",
    );
  } finally {
    await root.query("SET GLOBAL sql_mode = ?", [before.mode]);
    await root.end();
  }
});

test("what is answered is stored, read anew and whole, whatever the server commits and limits by itself", async () => {
  const { target } = await migratedDatabase();
  const root = await rootConnection();
  const odd = { autocommit: 0, completion_type: 1, sql_select_limit: 1, unique_checks: 0 };
  try {
    for (const [name, value] of Object.entries(odd)) await root.query(`SET GLOBAL ${name} = ${value}`);
    const one = await testApp({ db: poolOn(target).db });
    const other = await testApp({ db: poolOn(target).db });
    const users = [await one.newUser(), await one.newUser(), await one.newUser()];
    for (const { username, accessToken } of users) {
      const ask = () => other.withToken("GET", "/api/getUser", accessToken);
      for (let i = 0; i < 10; i++) expect((await ask()).body.data).toMatchObject({ username });
      const list = await other.withToken("GET", "/api/getUserList", accessToken);
      expect(list.body.data).toHaveLength(3);
      expect((await one.withToken("POST", "/api/logout", accessToken)).status).toBe(200);
      for (let i = 0; i < 10; i++) expect((await ask()).body.code).toBe("token_revoked");
    }
  } finally {
    for (const name of Object.keys(odd)) await root.query(`SET GLOBAL ${name} = DEFAULT`);
    await root.end();
  }
});

test("a connection on which a setting is refused is not used, and why is told", async () => {
  const { target } = await migratedDatabase();
  const told: DatabaseFailure[] = [];
  const pool = openPool(target, 2, { onRefused: (failure) => told.push(failure) });
  SESSION_SETTINGS.push("SET SESSION no_such_variable = 1");
  try {
    const error = await pool.query("SELECT 1").then(
      () => new Error("it was used"),
      (error) => error,
    );
    expect(error.message).not.toBe("it was used");
    expect(error.code).not.toBe("DATABASE_TIMEOUT"); // given up at once, and not when its time is over
  } finally {
    SESSION_SETTINGS.pop();
  }
  expect(told).toEqual([{ code: "ER_UNKNOWN_SYSTEM_VARIABLE", errno: 1193, query: undefined }]);
  await pool.query("SELECT 1");
  await pool.end();
});
