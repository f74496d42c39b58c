import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countPending, migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import {
  PASSWORD,
  TEST_SECRET,
  type TestApp,
  type Tokens,
  testApp,
  UNLIMITED,
  unique,
} from "../support/app.ts";
import { databaseUrl, emptyDatabase, migratedDatabase, poolOn } from "../support/database.ts";
import { over, run, startService } from "../support/process.ts";

// Two versions of the service share a database while one takes the other's place: see docs/operations.md.

/** What the next release may do to the tables while this one goes on: all that the rule allows. */
const EXPANDING = [
  "ALTER TABLE `user` ADD `nickname` varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
  "ALTER TABLE `session` ADD `device` varchar(20) NOT NULL DEFAULT 'unknown'",
  "ALTER TABLE `revoked_tokens` ADD `reason` int",
  "ALTER TABLE `attempt` ADD `note` int NOT NULL DEFAULT 0",
  "CREATE TABLE IF NOT EXISTS `device` (`id` int AUTO_INCREMENT PRIMARY KEY, `name` varchar(20)) ENGINE=InnoDB",
  "CREATE INDEX `session_last_used_at` ON `session` (`last_used_at`)",
];

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** The migrations of a release one behind, or one ahead with these statements. */
async function otherRelease(next?: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-release-"));
  folders.push(folder);
  await Bun.$`cp -r ${migrationsFolder}/. ${folder}`.quiet();
  const file = join(folder, "meta/_journal.json");
  const journal = await Bun.file(file).json();
  const last = journal.entries.at(-1);
  if (next) {
    journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1, tag: "next" });
    await Bun.write(join(folder, "next.sql"), next.join(";\n--> statement-breakpoint\n"));
  } else journal.entries.pop();
  await Bun.write(file, JSON.stringify(journal));
  return folder;
}

/** All that touches a table, with what has to come of it. */
async function everything(it: Pick<TestApp, "post" | "withToken" | "login" | "newUser">): Promise<void> {
  const { username, accessToken, refreshToken } = await it.newUser();
  const other = await it.login(username);
  const good = async (method: string, path: string, token: string) => {
    const answer = await it.withToken(method, path, token);
    expect([path, answer.status, answer.body.code]).toEqual([path, 200, undefined]);
    return answer.body.data;
  };
  await good("GET", "/api/getUserList?limit=5", accessToken);
  await good("GET", "/api/refreshToken", refreshToken);
  const rotated = (await good("POST", "/api/rotateToken", refreshToken)) as Tokens;
  expect(await good("GET", "/api/getSessionList", rotated.accessToken)).toHaveLength(2);
  const change = { password: PASSWORD, newPassword: `${PASSWORD} ${unique("new")}` };
  const changed = await it.post("/api/changePassword", change, { Authorization: rotated.accessToken });
  expect(changed.status).toBe(200);
  await it.login(username, change.newPassword);
  await good("POST", "/api/logout", rotated.accessToken);
  for (const token of [other.accessToken, rotated.accessToken])
    expect((await it.withToken("GET", "/api/getUser", token)).body.code).toBe("token_revoked");
}

describe("a schema one migration ahead", () => {
  test("does not disturb this version, neither while it is made nor afterwards", async () => {
    const { target } = await migratedDatabase();
    const it = await testApp({ db: poolOn(target).db, env: UNLIMITED });
    let migrated = false;
    let during = 0;
    const clients = Array.from({ length: 6 }, async () => {
      for (let after = 0; after < 3; after += migrated ? 1 : 0) {
        await everything(it);
        if (!migrated) during++;
      }
    });
    await everything(it); // they are at it
    expect(await migrate(target, await otherRelease(EXPANDING))).toBe(1);
    migrated = true;
    await Promise.all(clients);
    expect(during).toBeGreaterThan(0);
    expect(it.logged.filter(({ level }) => level !== "info")).toEqual([]);
  });

  for (const MIGRATE_ON_START of ["on", "off"])
    test(`is started on by this version, with MIGRATE_ON_START=${MIGRATE_ON_START}`, async () => {
      const target = await emptyDatabase();
      const next = await otherRelease(EXPANDING);
      await migrate(target, next);
      const env = { DATABASE_URL: databaseUrl(target), JWT_SECRET_KEY: TEST_SECRET, MIGRATE_ON_START };
      const service = await startService(env);
      try {
        await everything(over(service));
      } finally {
        service.process.kill("SIGTERM");
      }
      expect(await service.process.exited).toBe(0);
      expect(await countPending(target, next)).toBe(0);
    });
});

test("a schema one migration behind: this version does not start on it, unless it may migrate", async () => {
  const target = await emptyDatabase();
  await migrate(target, await otherRelease());
  const env = { DATABASE_URL: databaseUrl(target), JWT_SECRET_KEY: TEST_SECRET };
  const refused = await run("src/index.ts", { ...env, MIGRATE_ON_START: "off", PORT: "0" });
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("lacks migrations")]);
  const service = await startService(env);
  await everything(over(service));
  service.process.kill("SIGTERM");
  expect(await service.process.exited).toBe(0);
});
