import { expect, test } from "bun:test";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { countAttempt } from "../../../src/db/attempts.ts";
import { openDatabase, openPool } from "../../../src/db/connection.ts";
import { countPending, migrate } from "../../../src/db/migrate.ts";
import { purgeExpired } from "../../../src/db/purge.ts";
import { deleteSession, rotateSession } from "../../../src/db/sessions.ts";
import { migrationsFolder } from "../../../src/runtime/environment.ts";
import { claimsOf, PASSWORD, type Tokens, testApp, UNLIMITED, unique } from "../app.ts";
import { emptyDatabase, migratedDatabase, poolOn, testServer } from "../database.ts";
import { until } from "../until.ts";

/** The same database, asked at each node by itself, past the proxy. */
async function onEachNode(target: { database: string }) {
  const { nodes = [] } = await testServer();
  expect(nodes).toHaveLength(3);
  const targets = nodes.map((node) => ({ ...node, database: target.database }));
  for (const each of targets) {
    // A login waits for nothing, and the node may not have the database yet.
    const exists = () => createConnection(each).then((connection) => connection.end().then(() => true));
    await until(
      () => exists().catch(() => false),
      () => `node ${each.port} lacks the database`,
    );
  }
  return targets;
}

/** Instances of the service, one on each node. */
async function instances() {
  const targets = await onEachNode((await migratedDatabase()).target);
  return Promise.all(targets.map(async (target) => testApp({ db: poolOn(target).db, env: UNLIMITED })));
}

test("what is revoked on one node is refused on the others at the next request", async () => {
  const apps = await instances();
  for (let round = 0; round < 40; round++) {
    const at = (n: number) => apps[(round + n) % apps.length] as (typeof apps)[number];
    const { accessToken, refreshToken } = await at(0).newUser();
    // The login is known everywhere at once too.
    expect((await at(1).withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
    expect((await at(0).withToken("POST", "/api/logout", accessToken)).status).toBe(200);
    const answers = await Promise.all([
      at(1).withToken("GET", "/api/getUser", accessToken),
      at(2).withToken("GET", "/api/refreshToken", refreshToken),
    ]);
    expect(answers.map(({ body }) => body.code)).toEqual(["token_revoked", "token_revoked"]);
  }
});

test("a node that lags keeps a request waiting until it knows what was revoked before", async () => {
  const { target } = await migratedDatabase();
  const [near, far] = await onEachNode(target);
  if (!near || !far) throw new Error("no nodes");
  const [here, there] = await Promise.all([near, far].map((node) => testApp({ db: poolOn(node).db })));
  const user = await here?.newUser();
  if (!user || !here || !there) throw new Error("no instances");
  expect((await there.withToken("GET", "/api/getUser", user.accessToken)).status).toBe(200);

  const pool = poolOn(far).pool;
  const [holder, watcher] = await Promise.all([pool.getConnection(), pool.getConnection()]);
  await watcher.query("SET SESSION wsrep_sync_wait = 0"); // to look on while the node stands still
  await holder.query("FLUSH TABLES WITH READ LOCK"); // from here on the node applies nothing
  try {
    expect((await here.withToken("POST", "/api/logout", user.accessToken)).status).toBe(200);
    const asked = there.withToken("GET", "/api/getUser", user.accessToken);
    const waiting = async () => {
      const [rows] = await watcher.query<RowDataPacket[]>("SHOW FULL PROCESSLIST");
      return rows.some(({ db, Info }) => db === target.database && /revoked_tokens/.test(Info ?? ""));
    };
    await until(waiting, () => "it was answered from what the node knew", asked);
    await holder.query("UNLOCK TABLES");
    expect((await asked).body.code).toBe("token_revoked");
  } finally {
    await holder.query("UNLOCK TABLES");
    holder.release();
    watcher.destroy();
  }
});

test("of one name registered on all nodes at once, one is, and the others are told so", async () => {
  const apps = await instances();
  for (let round = 0; round < 10; round++) {
    const credentials = { username: unique("same"), password: PASSWORD };
    const answers = await Promise.all(
      [...apps, ...apps].map((app) => app.post("/api/register", credentials)),
    );
    const codes = answers.map(({ status, body }) => body.code ?? status).sort();
    expect(codes).toEqual([200, ...Array(5).fill("username_taken")]);
  }
});

test("a refresh token rotated on all nodes at once has one successor", async () => {
  const apps = await instances();
  const [first] = apps;
  const user = await first?.newUser();
  let refreshToken = user?.refreshToken ?? "";
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      [...apps, ...apps].map((app) => app.withToken("POST", "/api/rotateToken", refreshToken)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    const successors = answers.map(({ body }) => body.data as Tokens);
    refreshToken = successors[round % 6]?.refreshToken ?? "";
  }
  for (const app of apps) expect(app.logged.filter(({ level }) => level !== "info")).toEqual([]);
});

test("no login with the old password outlives its change, whichever nodes they are at", async () => {
  const apps = await instances();
  const at = (n: number) => apps[n % apps.length] as (typeof apps)[number];
  let overlapped = 0;
  for (let round = 0; round < 300; round++) {
    const { username, accessToken } = await at(round).newUser();
    const change = { password: PASSWORD, newPassword: `${PASSWORD} ${round}` };
    const [changed, ...logins] = await Promise.all([
      at(round).post("/api/changePassword", change, { Authorization: accessToken }),
      ...[1, 2, 4, 5].map((n) => at(round + n).post("/api/login", { username, password: PASSWORD })),
    ]);
    expect([changed.status, ...logins.map(({ status }) => status)]).not.toContain(500);
    const opened = logins.filter(({ status }) => status === 200);
    if (changed.status !== 200) continue;
    overlapped += opened.length;
    for (const { body } of opened) {
      const answer = await at(round).withToken("GET", "/api/getUser", (body.data as Tokens).accessToken);
      expect([round, answer.body.code]).toEqual([round, "token_revoked"]);
    }
  }
  expect(overlapped).toBeGreaterThan(0);
}, 180_000);

test("a change on one node is seen by a single statement on another: no pool keeps to one node", async () => {
  const { target } = await migratedDatabase();
  const databases = (await onEachNode(target)).map((node) => poolOn(node).db);
  const at = (n: number) => databases[n % databases.length] as (typeof databases)[number];
  const { refreshToken } = await (await testApp({ db: at(0) })).newUser();
  const { sid } = claimsOf(refreshToken);
  for (let counter = 0; counter < 200; counter++)
    expect([counter, await rotateSession(at(counter), sid, counter, 0)]).toEqual([counter, true]);
  await deleteSession(at(200), sid);
  expect(await rotateSession(at(201), sid, 200, 0)).toBe(false);
});

test("attempts counted on all nodes at once are counted every one", async () => {
  const { target } = await migratedDatabase();
  const databases = (await onEachNode(target)).map((node) => poolOn(node).db);
  for (let round = 0; round < 10; round++) {
    const counting = databases.flatMap((db) => [1, 2].map(() => countAttempt(db, `round ${round}`, 0, 900)));
    const counts = await Promise.all(counting);
    expect(counts.toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
  }
});

test("migrations started on all nodes at once all end well, and leave what one alone does", async () => {
  const alone = await migratedDatabase();
  for (let round = 0; round < 10; round++) {
    const together = await onEachNode(await emptyDatabase());
    await Promise.all([...together, ...together].map((target) => migrate(target, migrationsFolder)));
    for (const target of together) expect(await countPending(target, migrationsFolder)).toBe(0);
    const columns = async (database: string) => {
      const [rows] = await alone.pool.query<RowDataPacket[]>(
        `SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, COLUMN_KEY FROM information_schema.COLUMNS
         WHERE TABLE_SCHEMA = ? ORDER BY 1, 2`,
        [database],
      );
      return rows;
    };
    expect(await columns(together[0]?.database ?? "")).toEqual(await columns(alone.target.database));
  }
});

test("purges on all nodes at once delete what has run out, and none of them fails", async () => {
  const { target, pool } = await migratedDatabase();
  const now = 2_000_000_000;
  await pool.query("INSERT INTO revoked_tokens (jti, expires_at) VALUES ?", [
    [...Array(2000).keys()].map((n) => [`old-${n}`, now - 100]),
  ]);
  const targets = await onEachNode(target);
  await Promise.all(targets.map((node) => purgeExpired(poolOn(node).pool, now)));
  const [[left]] = await pool.query<RowDataPacket[]>("SELECT COUNT(*) AS n FROM revoked_tokens");
  expect(left?.n).toBe(0);
});

test("a node that is cut off is answered for with 503, and its connections are not kept", async () => {
  const { target } = await migratedDatabase();
  const [, , node] = await onEachNode(target);
  if (!node) throw new Error("no node");
  const pool = openPool(node, 1);
  const it = await testApp({ db: openDatabase(pool) });
  const connectionId = async () => {
    const [[row]] = await pool.query<RowDataPacket[]>("SELECT CONNECTION_ID() AS id");
    return row?.id;
  };
  const { accessToken } = await it.newUser();
  const operator = await poolOn(node).pool.getConnection();
  const before = await connectionId();
  await operator.query("SET GLOBAL wsrep_reject_queries = 'ALL'"); // what a node without the others answers: 1047
  try {
    const answer = await it.withToken("GET", "/api/getUser", accessToken);
    expect([answer.status, answer.body.code]).toEqual([503, "database_unavailable"]);
    expect(it.logged.map(({ fields }) => fields.errno)).toContain(1047);
  } finally {
    await operator.query("SET GLOBAL wsrep_reject_queries = 'NONE'");
    operator.release();
  }
  expect(await connectionId()).not.toBe(before);
  expect((await it.withToken("GET", "/api/getUser", accessToken)).status).toBe(200);
  await pool.end();
});
