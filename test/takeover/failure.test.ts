import { expect, test } from "bun:test";
import { databaseUrl } from "../support/database.ts";
import { query, seedDatabase } from "../support/flask.ts";
import { run } from "../support/process.ts";

const migrateOn = async (sql: string) => {
  const target = await seedDatabase(sql);
  const { exitCode, stderr } = await run("src/commands/migrate.ts", { DATABASE_URL: databaseUrl(target) });
  return { target, exitCode, stderr };
};

test("a migration that fails names the error and the statement, without its comments", async () => {
  // Token ids that only capitals tell apart are one id to our collation, and may not be in an index that says unique.
  const { target, exitCode, stderr } = await migrateOn(
    `ALTER TABLE revoked_tokens CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, ADD UNIQUE (jti);
     INSERT INTO revoked_tokens (jti) VALUES ('twice'), ('TWICE')`,
  );
  expect([exitCode, stderr]).toEqual([
    1,
    "migration failed, the database failed: ER_DUP_ENTRY (check DATABASE_URL, and its own log), at: " +
      "ALTER TABLE `revoked_tokens` MODIFY `jti` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci DEFAULT NULL, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8\n",
  ]);
  await query(target, "DELETE FROM revoked_tokens WHERE id > 1");
  const again = await run("src/commands/migrate.ts", { DATABASE_URL: databaseUrl(target) });
  expect([again.exitCode, again.stderr]).toEqual([0, expect.stringContaining("migrated:")]);
});

test("in one of our files too", async () => {
  const { exitCode, stderr } = await migrateOn(
    "CREATE TRIGGER kept BEFORE DELETE ON revoked_tokens FOR EACH ROW SIGNAL SQLSTATE '45000';" +
      "INSERT INTO revoked_tokens (jti) VALUES ('twice'), ('twice')",
  );
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringMatching(
      /^migration failed, the database failed: ER_SIGNAL_EXCEPTION \(.*\), at: DELETE `later` FROM `revoked_tokens` `later` JOIN [^\n]{80,}\n$/,
    ),
  ]);
});
