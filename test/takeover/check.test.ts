import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { createKeyring, signClaims } from "../../src/auth/keys.ts";
import { inspectTakeover } from "../../src/auth/takeover.ts";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { connectionOptions } from "../../src/db/connection.ts";
import { migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { databaseUrl, emptyDatabase } from "../support/database.ts";
import { query, SEED_ACCOUNTS, SEED_SECRET, seedDatabase } from "../support/flask.ts";
import { run } from "../support/process.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const check = (target: DatabaseTarget, args: string[] = [], env: Record<string, string> = {}) =>
  run(
    "src/commands/takeoverCheck.ts",
    { DATABASE_URL: databaseUrl(target), JWT_SECRET_KEY: SEED_SECRET, NODE_ENV: "production", ...env },
    args,
  );

const fingerprint = (target: DatabaseTarget) =>
  query(
    target,
    "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, COLUMN_KEY FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2",
  );

describe("takeover:check", () => {
  test("reports on the recorded database and changes nothing", async () => {
    const target = await seedDatabase();
    const before = await fingerprint(target);
    const { exitCode, stdout } = await check(target, ["--json"]);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain(SEED_SECRET);
    expect(JSON.parse(stdout)).toMatchObject({
      users: 4,
      hashes: { "pbkdf2:sha256:260000": 4 },
      faultyHashes: {},
      repeatedUsernames: [],
      revoked: { rows: 1, withoutJti: 0, repeated: 0 },
      alembicVersion: "3febded1e463",
      secret: { weakness: null, signedToken: null },
      ready: true,
      obstacles: [],
    });
    expect(await fingerprint(target)).toEqual(before);
    const text = (await check(target)).stdout;
    for (const part of [
      "users               4",
      "pbkdf2:sha256:260000",
      "pwd          varchar(102) utf8mb4_unicode_ci",
      "verdict             ready",
    ])
      expect(text).toContain(part);
    expect(text).not.toContain(SEED_SECRET);
  });

  test("could change nothing: its session is read-only", async () => {
    const connection = await createConnection(connectionOptions(await seedDatabase()));
    await inspectTakeover(connection);
    await expect(connection.query("DELETE FROM user")).rejects.toMatchObject({ errno: 1792 });
    await connection.end();
  });

  test("sees when there is nothing left to do", async () => {
    const target = await seedDatabase();
    await migrate(target, migrationsFolder);
    const { exitCode, stdout } = await check(target);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("taken over already")]);
  });

  test("misses what an old dump, loaded over the migrated tables, took away", async () => {
    const lost = {
      "ALTER TABLE user DROP COLUMN logins, DROP COLUMN disabled_at; DROP TABLE attempt":
        "user.disabled_at, user.logins, table attempt",
      "DROP TABLE session; ALTER TABLE revoked_tokens DROP INDEX revoked_tokens_expires_at, DROP COLUMN expires_at":
        "revoked_tokens.expires_at, table session",
      "DROP TABLE user": "table user",
      // The list is of an older version of ours, and so may be without what only later ones make.
      "DELETE FROM __drizzle_migrations ORDER BY created_at DESC LIMIT 2; DROP TABLE attempt; ALTER TABLE user DROP COLUMN logins, DROP COLUMN disabled_at":
        "user.disabled_at",
    };
    for (const [sql, parts] of Object.entries(lost)) {
      const target = await seedDatabase();
      await migrate(target, migrationsFolder);
      await query(target, sql);
      const { exitCode, stdout } = await check(target);
      expect([exitCode, stdout]).toEqual([
        1,
        expect.stringContaining(`is not there: ${parts}. Was an old dump`),
      ]);
      expect(stdout).toContain('docs/takeover.md, "Never run `flask db` again", "If it happened"');
      if (sql.startsWith("DELETE")) await expect(migrate(target, migrationsFolder)).rejects.toThrow(parts);
      if (sql.startsWith("DROP TABLE user")) continue;
      await query(target, "DROP TABLE __drizzle_migrations"); // as it says there
      await migrate(target, migrationsFolder);
      expect((await check(target)).stdout).toContain("taken over already");
    }
  });

  test("finds what is in the way, and what will not log in", async () => {
    const target = await seedDatabase(
      "UPDATE user SET pwd = LEFT(pwd, 90) WHERE id = 2; UPDATE user SET pwd = NULL WHERE id = 3;" +
        "INSERT INTO user VALUES (9, 'Alice ', 'scrypt:32768:8:1$x$00', 's', NOW(), NOW());" +
        "INSERT INTO revoked_tokens (jti) VALUES (NULL), ('twice'), ('twice');",
    );
    const { exitCode, stdout } = await check(target, ["--json"], { JWT_SECRET_KEY: "short" });
    expect(exitCode).toBe(1);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      ready: false,
      faultyHashes: { cut: { count: 2, ids: [2, 9] }, missing: { count: 1, ids: [3] } },
      repeatedUsernames: [{ ids: [1, 9], names: ["alice", "Alice "] }],
      revoked: { rows: 4, withoutJti: 1, repeated: 1 },
      secret: { weakness: expect.stringContaining("32 bytes") },
    });
    const text = (await check(target)).stdout;
    expect(text).toContain('ids 1, 9: "alice", "Alice "');
    expect(text).toContain("not ready");
  });

  test("says whether a token was signed with the secret", async () => {
    const target = await seedDatabase();
    await using folder = temporaryFolder("check");
    const file = join(folder.path, "token");
    await writeFile(file, `${SEED_ACCOUNTS[0]?.accessToken}\n`);
    const right = await check(target, ["--token-file", file]);
    expect([right.exitCode, right.stdout]).toEqual([
      0,
      expect.stringContaining("the token was signed with it"),
    ]);
    const wrong = await check(target, ["--token-file", file], { JWT_SECRET_KEY: `${SEED_SECRET} ` });
    expect([wrong.exitCode, wrong.stdout]).toEqual([1, expect.stringContaining("NOT SIGNED")]);
  });

  test("also with a secret that could be taken for a PEM file", async () => {
    const target = await seedDatabase();
    await using folder = temporaryFolder("check");
    const file = join(folder.path, "token");
    const JWT_SECRET_KEY = "a-test-secret-that-is-called-PRIVATE-all-over";
    await writeFile(file, await signClaims(await createKeyring([JWT_SECRET_KEY]), { sub: "alice" }));
    const { exitCode, stdout } = await check(target, ["--token-file", file], { JWT_SECRET_KEY });
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("the token was signed with it")]);
  });

  test("is not ready on arguments that it does not know, or a token that can not be read", async () => {
    const target = await seedDatabase();
    for (const args of [["--token-file"], ["--tokenfile", "x"], ["--token-file", "/nowhere/token"], ["x"]]) {
      const { exitCode, stdout, stderr } = await check(target, args);
      expect([exitCode, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(args[1] === "/nowhere/token" ? "/nowhere/token" : "[--token-file FILE]");
    }
    await using folder = temporaryFolder("check");
    const file = join(folder.path, "token");
    await writeFile(file, "Bearer x.y.z");
    expect((await check(target, [`--token-file=${file}`])).stdout).toContain("NOT SIGNED");
    for (const none of ["", "\n", "null\n", "Bearer", '{"data":null}']) {
      await writeFile(file, none);
      const { exitCode, stdout, stderr } = await check(target, ["--token-file", file]);
      expect([exitCode, stdout, stderr]).toEqual([2, "", expect.stringContaining("holds no token")]);
    }
  });

  test("names the column that is not there", async () => {
    for (const [table, column] of [
      ["user", "pwd"],
      ["user", "username"],
      ["revoked_tokens", "jti"],
    ]) {
      const target = await seedDatabase(`ALTER TABLE ${table} DROP COLUMN ${column}`);
      const { exitCode, stdout } = await check(target);
      expect([exitCode, stdout]).toEqual([
        1,
        expect.stringContaining(`table ${table} has no column ${column}`),
      ]);
    }
  });

  test("a database that is none of the seed's, none at all, and no secret", async () => {
    const empty = await check(await emptyDatabase());
    expect([empty.exitCode, empty.stdout]).toEqual([1, expect.stringContaining("there is no table user")]);
    const none = await run("src/commands/takeoverCheck.ts", { JWT_SECRET_KEY: SEED_SECRET });
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining("no database is given")]);
    const mute = await check(await emptyDatabase(), [], { JWT_SECRET_KEY: "" });
    expect([mute.exitCode, mute.stderr]).toEqual([2, expect.stringContaining("no secret is given")]);
  });
});
