import { expect, test } from "bun:test";
import { migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { startFailure } from "../../src/runtime/tell.ts";
import { databaseUrl } from "../support/database.ts";
import { query, seedDatabase } from "../support/flask.ts";
import { run } from "../support/process.ts";

test("a migration that fails names the error and the statement, without its comments", async () => {
  // Token ids that only capitals tell apart are one id to our collation, and may not be in an index that says unique.
  const target = await seedDatabase(
    `ALTER TABLE revoked_tokens CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, ADD UNIQUE (jti);
     INSERT INTO revoked_tokens (jti) VALUES ('twice'), ('TWICE')`,
  );
  const migrating = () => run("src/commands/migrate.ts", { DATABASE_URL: databaseUrl(target) });
  const { exitCode, stderr } = await migrating();
  expect([exitCode, stderr]).toEqual([
    1,
    "migration failed, the database failed: ER_DUP_ENTRY (check DATABASE_URL, and its own log), at: " +
      "ALTER TABLE `revoked_tokens` MODIFY `jti` varchar(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci DEFAULT NULL, DEFAULT CHARACTER SET utf8mb4 COLLATE utf8\n",
  ]);
  await query(target, "DELETE FROM revoked_tokens WHERE id > 1");
  const again = await migrating();
  expect([again.exitCode, again.stderr]).toEqual([0, expect.stringContaining("migrated:")]);
});

test("in one of our files too", async () => {
  const target = await seedDatabase(
    "CREATE TRIGGER kept BEFORE DELETE ON revoked_tokens FOR EACH ROW SIGNAL SQLSTATE '45000';" +
      "INSERT INTO revoked_tokens (jti) VALUES ('twice'), ('twice')",
  );
  const error = await migrate(target, migrationsFolder).catch((error) => error);
  expect(startFailure(error, "migration failed")).toMatch(
    /^migration failed, the database failed: ER_SIGNAL_EXCEPTION \(.*\), at: DELETE `later` FROM `revoked_tokens` `later` JOIN [^\n]{80,}$/,
  );
});
