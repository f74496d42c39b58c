import type { RowDataPacket } from "mysql2/promise";
import { v7 as uuidv7 } from "uuid";
import { CHEAP_ENV, PASSWORD, TEST_SECRET, type Tokens, UNLIMITED } from "../test/support/app.ts";
import { over, startService } from "../test/support/process.ts";
import { makeWorld, startServer } from "./support/database.ts";
import { cpuTicks } from "./support/servers.ts";

// The inputs of the capacity plan in docs/scaling.md: CPU time of service and database and statements of each kind of
// request, and bytes of a row. Hashes at their lowest price, so that the rest shows. Linux only (/proc): bun bench/cost.ts

const ROWS = 300_000;
const AT_ONCE = 50;
const USERS = 400;
const UNIT = 10_000; // a tick, in µs
const AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

const say = (line: string) => process.stdout.write(`${line}\n`);
const server = await startServer(() => {});
const world = await makeWorld(server, "cost");
const { connection } = world;

async function fill(): Promise<void> {
  await connection.query(
    `INSERT INTO user (username, pwd, salt, created_at, updated_at) SELECT CONCAT('someone-', LPAD(seq, 8, '0')),
     CONCAT('$argon2id$v=19$m=19456,t=2,p=1$', SHA2(seq, 256)), LEFT(MD5(seq), 32), NOW(), NOW() FROM seq_1_to_${ROWS}`,
  );
  const now = Math.floor(Date.now() / 1000);
  for (let from = 0; from < ROWS; from += 10_000) {
    const each = <T>(row: (n: number) => T) => [Array.from({ length: 10_000 }, (_, i) => row(from + i))];
    await connection.query(
      "INSERT INTO session (id, user_id, created_at, last_used_at, expires_at, user_agent, address) VALUES ?",
      each((n) => [
        uuidv7(),
        1 + ((n * 7919) % ROWS),
        now,
        now,
        now + 2_592_000 + from,
        AGENT,
        "203.0.113.77",
      ]),
    );
    await connection.query(
      "INSERT INTO revoked_tokens (jti, expires_at) VALUES ?",
      each(() => [crypto.randomUUID(), now + 7200 + from]),
    );
    await connection.query(
      "INSERT INTO attempt (bucket, count, expires_at) VALUES ?",
      each((n) => [`known:user:${n}:client:203.0.113.77`, 1, now + 7_776_000]),
    );
  }
  await connection.query("ANALYZE TABLE user, session, revoked_tokens, attempt");
  const [tables] = await connection.query<RowDataPacket[]>(
    `SELECT TABLE_NAME AS name, DATA_LENGTH AS data, INDEX_LENGTH AS indexes FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('user', 'session', 'revoked_tokens', 'attempt')`,
  );
  for (const { name, data, indexes } of tables)
    say(
      `${name.padEnd(20)} ${Math.round(data / ROWS)} bytes a row, and ${Math.round(indexes / ROWS)} of indexes`,
    );
}

await fill();
const service = await startService({
  DATABASE_URL: world.url,
  JWT_SECRET_KEY: TEST_SECRET,
  NODE_ENV: "production",
  ...CHEAP_ENV,
  ...UNLIMITED,
});
const it = over(service);

/** CPU time of a process so far, in µs. */
const cpu = (pid: number): number => cpuTicks(pid) * UNIT;

async function totals(): Promise<[number, number, number]> {
  const [[row]] = await connection.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Questions'");
  return [cpu(service.process.pid), cpu(server.pid ?? 0), Number(row?.Value)];
}

async function measure(
  name: string,
  count: number,
  send: (n: number) => ReturnType<typeof it.post>,
  atOnce = AT_ONCE,
) {
  const before = await totals();
  const left = Array.from({ length: count }, (_, n) => n).values();
  const answers: number[] = [];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const n of left) answers.push((await send(n)).status);
    }),
  );
  if (answers.some((status) => status !== 200)) throw new Error(`${name}: an answer was not 200`);
  const after = await totals();
  const [own, database, statements] = after.map((total, i) => (total - (before[i] ?? 0)) / count);
  say(
    `${name.padEnd(20)} service ${own?.toFixed(0)} µs, database ${database?.toFixed(0)} µs, ${statements?.toFixed(2)} statements`,
  );
}

const users: Tokens[] = [];
while (users.length < USERS)
  users.push(...(await Promise.all(Array.from({ length: 40 }, () => it.newUser()))));
const user = (n: number) => users[n % USERS] as Tokens;
const credentials = (n: number) => ({ username: `cost-${n}`, password: PASSWORD });

await measure("getUser, alone", 4000, (n) => it.withToken("GET", "/api/getUser", user(n).accessToken), 1);
await measure("getUser", 10_000, (n) => it.withToken("GET", "/api/getUser", user(n).accessToken));
await measure("list of 20", 4000, (n) =>
  it.withToken("GET", "/api/getUserList?limit=20", user(n).accessToken),
);
await measure("refresh", 4000, (n) => it.withToken("GET", "/api/refreshToken", user(n).refreshToken));
await measure("rotate", USERS, (n) => it.withToken("POST", "/api/rotateToken", user(n).refreshToken));
await measure("register", 1000, (n) => it.post("/api/register", credentials(n)));
await measure("login, first", 1000, (n) => it.post("/api/login", credentials(n)));
const tokens: Tokens[] = [];
await measure("login", 1000, async (n) => {
  const answer = await it.post("/api/login", credentials(n));
  tokens[n] = answer.body.data as Tokens;
  return answer;
});
await measure("logout", 1000, (n) => it.withToken("POST", "/api/logout", tokens[n]?.accessToken ?? ""));

service.process.kill("SIGTERM");
await service.process.exited;
await connection.end();
await server.stop();
process.exit(0); // whatever the driver still holds
