import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { countPending, migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { emptyDatabase, rootConnection } from "../support/database.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const rows = async (database: string, sql: string) => {
  const root = await rootConnection(database);
  const [found] = await root.query<RowDataPacket[]>(sql);
  await root.end();
  return found;
};
const files = async () => (await readdir(migrationsFolder)).filter((name) => name.endsWith(".sql")).length;

describe("migrate", () => {
  test("makes the seed's tables with its comments and collation, and what correctness adds", async () => {
    const target = await emptyDatabase("CHARACTER SET latin1 COLLATE latin1_swedish_ci");
    expect(await countPending(target, migrationsFolder)).toBe(await files());
    expect(await migrate(target, migrationsFolder)).toBe(await files());
    expect(await countPending(target, migrationsFolder)).toBe(0);

    const columns = await rows(
      target.database,
      `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, COLLATION_NAME AS collation, COLUMN_COMMENT AS comment
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'user' ORDER BY ORDINAL_POSITION`,
    );
    const text = "utf8mb4_unicode_ci";
    expect(columns.slice(0, 6).map((column): Record<string, unknown> => ({ ...column }))).toEqual([
      { name: "id", type: expect.stringMatching(/^int/), collation: null, comment: "主键ID" },
      { name: "username", type: "varchar(40)", collation: text, comment: "用户姓名" },
      { name: "pwd", type: "varchar(255)", collation: text, comment: "密码" },
      { name: "salt", type: "varchar(32)", collation: text, comment: "salt" },
      { name: "created_at", type: "datetime", collation: null, comment: "创建时间" },
      { name: "updated_at", type: "datetime", collation: null, comment: "更新时间" },
    ]);
    const unique = await rows(
      target.database,
      `SELECT TABLE_NAME AS t, COLUMN_NAME AS c FROM information_schema.STATISTICS
       WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY' AND TABLE_NAME NOT LIKE '\\_\\_%' ORDER BY 1`,
    );
    expect(unique.map(({ t, c }) => `${t}.${c}`)).toEqual(["revoked_tokens.jti", "user.username"]);
  });

  test("by many at once: each returns, the work is done once", async () => {
    const target = await emptyDatabase();
    const applied = await Promise.all(Array.from({ length: 6 }, () => migrate(target, migrationsFolder)));
    expect(applied.filter((count) => count > 0)).toEqual([await files()]);
    const recorded = await rows(target.database, "SELECT hash FROM __drizzle_migrations");
    expect(recorded).toHaveLength(await files());
  });

  test("goes on where a killed run left off, whatever statement it was", async () => {
    const target = await emptyDatabase();
    await migrate(target, migrationsFolder);
    // Everything done, nothing recorded: the worst that a kill between two statements can leave.
    await rows(target.database, "DELETE FROM __drizzle_migrations");
    expect(await migrate(target, migrationsFolder)).toBe(await files());
    expect(await migrate(target, migrationsFolder)).toBe(0);
  });

  test("a faulty statement is an error and is not recorded", async () => {
    const target = await emptyDatabase();
    await using temporary = temporaryFolder("migrations");
    const folder = temporary.path;
    await Bun.write(join(folder, "0000_bad.sql"), "CREATE TABLE x (;");
    const entries = [{ idx: 0, version: "5", when: 1, tag: "0000_bad", breakpoints: true }];
    await Bun.write(
      join(folder, "meta/_journal.json"),
      JSON.stringify({ version: "7", dialect: "mysql", entries }),
    );
    await expect(migrate(target, folder)).rejects.toMatchObject({ errno: 1064 });
    expect(await countPending(target, folder)).toBe(1);
  });

  test("the schema in TypeScript is what the files make: drizzle-kit finds nothing to generate", async () => {
    await using folder = temporaryFolder("generate");
    const out = relative(process.cwd(), folder.path); // it takes no absolute path
    await Bun.$`cp -r ${migrationsFolder}/. ${out}`.quiet();
    const before = (await readdir(out)).length;
    const run =
      await Bun.$`bunx drizzle-kit generate --dialect mysql --schema ./src/db/schema.ts --out ${out}`
        .quiet()
        .nothrow();
    expect(run.stdout.toString()).toContain("No schema changes");
    expect((await readdir(out)).length).toBe(before);
  });
});
