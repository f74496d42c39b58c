import { afterAll, beforeAll, expect, test } from "bun:test";
import { answerOf, PASSWORD, TEST_SECRET, type Tokens, unique, verbs } from "../support/app.ts";
import { databaseUrl } from "../support/database.ts";
import { type Fault, faults } from "../support/faults.ts";
import { type OwnServer, ownServer } from "../support/ownServer.ts";
import { type Running, startService, until } from "../support/process.ts";

const UNAVAILABLE = [503, "database_unavailable"];
/** How long a client waits, in ms: well above a request's limit, and below that of two statements on a busy machine. */
const PATIENCE = 8_000;

let server: OwnServer;
let service: Running;
let it: ReturnType<typeof verbs>;
let revoked: string;

beforeAll(async () => {
  server = await ownServer();
  service = await startService({
    DATABASE_URL: databaseUrl(server.target),
    JWT_SECRET_KEY: TEST_SECRET,
    ARGON2_MEMORY_KIB: "8",
    ARGON2_TIME_COST: "1",
    REGISTRATIONS_PER_CLIENT: "1000000", // a disk may be full only after many
  });
  it = verbs(async (method, path, init) =>
    answerOf(await fetch(service.origin + path, { method, signal: AbortSignal.timeout(PATIENCE), ...init })),
  );
  revoked = (await it.newUser()).accessToken;
  expect((await it.withToken("POST", "/api/logout", revoked)).status).toBe(200);
});
afterAll(async () => {
  service.process.kill("SIGKILL");
  await service.process.exited;
  await server[Symbol.asyncDispose]();
});

/** What everybody asks, all at once. */
async function ask({ accessToken, refreshToken, username }: Tokens & { username: string }, fresh: string) {
  const ready = await fetch(`${service.origin}/readyz`);
  const [register, login, valid, blocked, rotate, logout] = await Promise.all([
    it.post("/api/register", { username: fresh, password: PASSWORD }),
    it.post("/api/login", { username, password: PASSWORD }),
    it.withToken("GET", "/api/getUser", accessToken),
    it.withToken("GET", "/api/getUser", revoked),
    it.withToken("POST", "/api/rotateToken", refreshToken),
    it.withToken("POST", "/api/logout", accessToken),
  ]);
  const answers = { register, login, valid, blocked, rotate, logout };
  return {
    ready: ready.status,
    ...(Object.fromEntries(
      Object.entries(answers).map(([name, { status, body }]) => [name, [status, body.code]]),
    ) as Record<keyof typeof answers, unknown[]>),
  };
}

/** After a fault, without a restart, all is as it was told. */
async function expectRecovery(user: Tokens) {
  await until(
    async () => (await fetch(`${service.origin}/readyz`)).ok,
    () => "it did not recover",
  );
  expect((await it.withToken("GET", "/api/getUser", user.accessToken)).status).toBe(200);
  expect((await it.withToken("GET", "/api/getUser", revoked)).body.code).toBe("token_revoked");
  await it.newUser();
}

for (const name of ["frozen", "killed"] as const)
  test(`a database that is ${name}: 503 for all, and no token is let in or refused`, async () => {
    const user = await it.newUser();
    const heal = await (faults[name] as Fault)(server);
    try {
      const { ready, ...answers } = await ask(user, unique("fresh"));
      expect(ready).toBe(503);
      for (const answer of Object.values(answers)) expect(answer).toEqual(UNAVAILABLE);
    } finally {
      await heal();
    }
    await expectRecovery(user);
  });

test("a database that takes no more connections: 503 for all", async () => {
  const user = await it.newUser();
  const heal = await faults["out of connections"](server);
  try {
    const { ready, ...answers } = await ask(user, unique("fresh"));
    expect(ready).toBe(503);
    for (const answer of Object.values(answers)) expect(answer).toEqual(UNAVAILABLE);
  } finally {
    await heal();
  }
  await expectRecovery(user);
});

test("a database that is read-only: what is read is answered, what is not stored is no success", async () => {
  const user = await it.newUser();
  const heal = await faults["read-only"](server);
  try {
    const answers = await ask(user, unique("fresh"));
    expect(answers).toEqual({
      ready: 200,
      register: UNAVAILABLE,
      login: UNAVAILABLE,
      valid: [200, undefined],
      blocked: [401, "token_revoked"],
      rotate: UNAVAILABLE,
      logout: UNAVAILABLE,
    });
  } finally {
    await heal();
  }
  await expectRecovery(user);
});

test("a database that is full: what is told as stored is stored, all else is 503", async () => {
  const user = await it.newUser();
  const heal = await faults["disk full"](server);
  const told: string[] = [];
  let refused: unknown[] | undefined;
  try {
    while (!refused && told.length < 1000) {
      const username = unique("full");
      const { status, body } = await it.post("/api/register", { username, password: PASSWORD });
      if (status === 200) told.push(username);
      else refused = [status, body.code];
    }
    expect((await it.withToken("GET", "/api/getUser", user.accessToken)).status).toBe(200);
  } finally {
    await heal();
  }
  expect(refused).toEqual(UNAVAILABLE);
  await expectRecovery(user);
  const list = (await it.withToken("GET", "/api/getUserList", user.accessToken)).body.data;
  const stored = (list as { username: string }[]).map(({ username }) => username);
  expect(stored).toEqual(expect.arrayContaining(told));
});

test("a statement that takes too long: 503, and the connection is good for the next", async () => {
  const user = await it.newUser();
  const heal = await faults.locked(server);
  try {
    const { ready, ...answers } = await ask(user, unique("fresh"));
    expect(ready).toBe(200);
    for (const answer of Object.values(answers)) expect(answer).toEqual(UNAVAILABLE);
  } finally {
    await heal();
  }
  await expectRecovery(user);
});
