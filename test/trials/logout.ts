import { availableParallelism } from "node:os";
import { v7 as uuidv7 } from "uuid";
import { createKeyring } from "../../src/auth/keys.ts";
import { issueToken } from "../../src/auth/tokens.ts";
import { TEST_SECRET } from "../support/app.ts";
import { databaseUrl, migratedDatabase, stopTestServer } from "../support/database.ts";
import { type Running, startService } from "../support/process.ts";

// Logs out on one of two instances, and asks both as soon as that is answered: bun run trial:logout [questions].
// Exit code 1 if a token that was logged out was let in, or a good one was not.

const QUESTIONS = Number(process.argv[2] ?? 100_000);
/** Asked of each token once its logout is answered, at both instances in turn, and both reads. */
const AFTERWARDS = 10;
/** Each has a question to the database of its own. */
const READS = ["/api/getUser", "/api/getUserList"];
/** Clients at once: enough that questions are shared all the time. */
const CLIENTS = 40;

const say = (line: string) => void process.stdout.write(`${line}\n`);

const { target, pool } = await migratedDatabase();
const keyring = await createKeyring([TEST_SECRET]);
const service = () => startService({ DATABASE_URL: databaseUrl(target), JWT_SECRET_KEY: TEST_SECRET });

/** Sessions with an access token each, made past the service: a login would cost a hash. */
async function newTokens(count: number): Promise<string[]> {
  const issuedAt = Math.floor(Date.now() / 1000);
  const expiresAt = issuedAt + 7200;
  const ids = Array.from({ length: count }, () => uuidv7());
  await pool.query("INSERT INTO session (id, user_id, created_at, last_used_at, expires_at) VALUES ?", [
    ids.map((id) => [id, 1, issuedAt, issuedAt, expiresAt]),
  ]);
  return Promise.all(
    ids.map((sessionId) =>
      issueToken(keyring, { type: "access", username: "somebody", sessionId, issuedAt, expiresAt }),
    ),
  );
}

const counts = { questions: 0, logouts: 0, letIn: 0, refused: 0, failed: 0 };

async function ask(instance: Running, method: string, path: string, token: string): Promise<number> {
  const answer = await fetch(`${instance.origin}${path}`, { method, headers: { Authorization: token } });
  await answer.arrayBuffer();
  return answer.status;
}

/** One token: good, logged out at one instance, and then refused by both. */
async function follow(instances: Running[], token: string, turn: number): Promise<void> {
  const at = (n: number) => instances[(turn + n) % instances.length] as Running;
  const read = (n: number) => READS[(turn + n) % READS.length] as string;
  if ((await ask(at(1), "GET", read(0), token)) !== 200) counts.refused++;
  if ((await ask(at(0), "POST", "/api/logout", token)) !== 200) {
    counts.failed++;
    return;
  }
  counts.logouts++;
  const answers = Array.from({ length: AFTERWARDS }, (_, n) => ask(at(n), "GET", read(n >> 1), token));
  for (const status of await Promise.all(answers)) {
    counts.questions++;
    if (status === 200) counts.letIn++;
    else if (status !== 401) counts.failed++;
  }
}

const instances = await Promise.all([service(), service()]);
const startedAt = performance.now();
try {
  await pool.query(
    "INSERT INTO user (id, username, created_at, updated_at) VALUES (1, 'somebody', NOW(), NOW())",
  );
  let turn = 0;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (counts.questions < QUESTIONS)
        for (const token of await newTokens(20)) await follow(instances, token, turn++);
    }),
  );
} finally {
  for (const { process: child } of instances) child.kill("SIGTERM");
  await Promise.all(instances.map(({ process: child }) => child.exited));
  await stopTestServer();
}
const seconds = (performance.now() - startedAt) / 1000;
say(
  `${counts.logouts} logouts and ${counts.questions} questions after them, over ${instances.length} instances,`,
);
say(`${CLIENTS} clients, ${seconds.toFixed(0)} s on ${availableParallelism()} cores`);
say(`let in after a logout ${counts.letIn}; good and refused ${counts.refused}; failed ${counts.failed}`);
process.exitCode = counts.letIn + counts.refused + counts.failed > 0 || counts.logouts === 0 ? 1 : 0;
