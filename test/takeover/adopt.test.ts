import { describe, expect, test } from "bun:test";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { createConnection } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { connectionOptions } from "../../src/db/connection.ts";
import { migrate } from "../../src/db/migrate.ts";
import { describeRepeated } from "../../src/db/repeatedNames.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { testApp } from "../support/app.ts";
import { poolOn } from "../support/database.ts";
import { flaskOn, query, SEED_ACCOUNTS, SEED_SECRET, seedDatabase } from "../support/flask.ts";

const USERS = "SELECT id, username, pwd, salt, created_at, updated_at FROM user ORDER BY id";
const everything = async (target: DatabaseTarget) => ({
  users: await query(target, USERS),
  revoked: await query(target, "SELECT id, jti FROM revoked_tokens ORDER BY id"),
});
const alembic = (target: DatabaseTarget) => query(target, "SELECT version_num FROM alembic_version");

/** The whole service works on it: every account gets in, and the logged-out token does not. */
async function expectServed(target: DatabaseTarget): Promise<void> {
  const it = await testApp({ db: poolOn(target).db, env: { JWT_SECRET_KEY: SEED_SECRET } });
  for (const account of SEED_ACCOUNTS) {
    const { status } = await it.withToken("GET", "/api/getUserList", account.accessToken);
    expect([account.username, status]).toEqual([account.username, account.loggedOut ? 401 : 200]);
    await it.login(account.username, account.password);
  }
  const again = await it.post("/api/register", { username: "ALICE", password: "a long passphrase" });
  expect(again.body.code).toBe("username_taken");
  const fresh = await it.newUser();
  expect((await it.withToken("POST", "/api/logout", fresh.accessToken)).status).toBe(200);
}

test("the recorded database is adopted: nothing lost, nothing renamed, alembic_version left alone", async () => {
  const target = await seedDatabase();
  const before = await everything(target);
  await migrate(target, migrationsFolder);
  expect(await everything(target)).toEqual(before);
  expect(await alembic(target)).toEqual([{ version_num: "3febded1e463" }] as never);
  await expectServed(target);
});

describe("variants of the seed's database", () => {
  const variants: Record<string, string> = {
    "without alembic": "DROP TABLE alembic_version",
    utf8mb4_general_ci:
      "ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; ALTER TABLE revoked_tokens CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    utf8mb4_bin: "ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "MyISAM's rows of one length": "ALTER TABLE user ENGINE=MyISAM ROW_FORMAT=FIXED",
    "MariaDB's compressed columns":
      "ALTER TABLE user MODIFY salt varchar(32) /*M!100301 COMPRESSED*/ CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    MyISAM: "ALTER TABLE user ENGINE=MyISAM; ALTER TABLE revoked_tokens ENGINE=MyISAM",
    "MySQL 5.7's three-byte utf8":
      "DELETE FROM user WHERE username = 'nobody'; ALTER TABLE user CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci",
    "pwd widened by hand to 512": "ALTER TABLE user MODIFY pwd varchar(512)",
    "pwd as TEXT": "ALTER TABLE user MODIFY pwd text",
    "rows revoked twice, and without jti":
      "INSERT INTO revoked_tokens (jti) VALUES (NULL), (NULL), ('twice'), ('twice'), ('twice')",
  };
  for (const [name, sql] of Object.entries(variants)) {
    test(name, async () => {
      const target = await seedDatabase(`${sql};`);
      const before = await everything(target);
      await migrate(target, migrationsFolder);
      const after = await everything(target);
      expect(after.users).toEqual(before.users);
      expect(after.revoked.map(({ jti }) => jti)).toEqual(
        before.revoked.map(({ jti }) => jti).filter((jti, i, all) => jti === null || all.indexOf(jti) === i),
      );
      const [pwd] = await query(
        target,
        "SELECT CHARACTER_MAXIMUM_LENGTH AS length FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'user' AND COLUMN_NAME = 'pwd'",
      );
      expect(Number(pwd?.length)).toBeGreaterThanOrEqual(name.includes("512") ? 512 : 255);
      await expectServed(target);
    });
  }

  test("latin1, whose names have accents", async () => {
    const target = await seedDatabase(
      "DELETE FROM user WHERE username = '小明'; INSERT INTO user SELECT 9, 'Zoë', pwd, salt, created_at, updated_at FROM user WHERE username = 'alice';" +
        "ALTER TABLE user CONVERT TO CHARACTER SET latin1; ALTER TABLE revoked_tokens CONVERT TO CHARACTER SET latin1;",
    );
    const before = await everything(target);
    await migrate(target, migrationsFolder);
    expect(await everything(target)).toEqual(before);
    const it = await testApp({ db: poolOn(target).db, env: { JWT_SECRET_KEY: SEED_SECRET } });
    await it.login("zoe", "s3cret pass");
    expect((await it.post("/api/register", { username: "小明", password: "a long passphrase" })).status).toBe(
      200,
    );
  });

  test("pwd cut by hand: whole hashes get in, cut ones are told in the log by the user's id", async () => {
    const target = await seedDatabase(
      "SET SESSION sql_mode = ''; UPDATE user SET pwd = LEFT(pwd, 60) WHERE username = 'alice'; ALTER TABLE user MODIFY pwd varchar(102);",
    );
    await migrate(target, migrationsFolder);
    const it = await testApp({ db: poolOn(target).db, env: { JWT_SECRET_KEY: SEED_SECRET } });
    const [alice, ...others] = SEED_ACCOUNTS as [(typeof SEED_ACCOUNTS)[number]];
    const failed = await it.post("/api/login", alice);
    expect([failed.status, failed.body.code]).toEqual([401, "invalid_password"]);
    const told = it.logged.find(({ level }) => level === "warn")?.fields;
    expect(told).toEqual({ userId: 1, fault: "cut", method: "pbkdf2:sha256:260000" });
    for (const { username, password } of others as typeof SEED_ACCOUNTS) await it.login(username, password);
  });
});

describe("usernames that repeat under the collation", () => {
  const REPEATS =
    "INSERT INTO user SELECT 5, 'ALICE', pwd, salt, created_at, updated_at FROM user WHERE id = 1;" +
    "INSERT INTO user SELECT 6, 'bób.o-hara ', pwd, salt, created_at, updated_at FROM user WHERE id = 1;";
  test("stop the migration before anything is changed, and are listed with what to do", async () => {
    const target = await seedDatabase(
      `${REPEATS} ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;`,
    );
    const shape = () =>
      query(
        target,
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, COLUMN_KEY FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2",
      );
    const before = [await everything(target), await shape()];
    const error = await migrate(target, migrationsFolder).then(
      () => new Error("it migrated"),
      (error: Error) => error,
    );
    expect(error.name).toBe("NotAdoptable");
    expect(error.message).toContain('ids 1, 5: "alice", "ALICE"');
    expect(error.message).toContain('ids 3, 6: "bob.o-hara", "bób.o-hara "');
    expect(error.message).toContain("UPDATE user SET username");
    expect([await everything(target), await shape()]).toEqual(before);

    await query(target, "UPDATE user SET username = CONCAT(username, '-', id) WHERE id IN (5, 6)");
    await migrate(target, migrationsFolder);
    await expectServed(target);
  });
});

test("a repeated name is told in one line, without what moves a terminal's cursor", () => {
  const names = ["a\nb", "a\u001b[2J", "a\u009b2J\u007f"];
  expect(describeRepeated({ ids: [1, 2, 3], names })).toBe(
    'ids 1, 2, 3: "a\\nb", "a\\u001b[2J", "a\u{FFFD}2J\u{FFFD}"',
  );
});

describe("an operator's own columns", () => {
  const SHAPE = `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, COLLATION_NAME AS collation, IS_NULLABLE AS nullable,
      COLUMN_DEFAULT AS preset, COLUMN_COMMENT AS comment
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME IN (?)
    ORDER BY COLUMN_NAME`;
  const OWN = ["invite", "flags", "code", "lower_name"];
  const OWN_COLUMNS = `ALTER TABLE user ADD invite varchar(20) COLLATE utf8mb4_bin NULL COMMENT 'one time', ADD flags json,
    ADD code varchar(10) CHARACTER SET ascii COLLATE ascii_bin DEFAULT 'x', ADD lower_name varchar(40) AS (LOWER(username)) STORED;`;

  test("stay as they are when those of the seed change: type, collation, uniqueness", async () => {
    const target = await seedDatabase(
      `ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, ENGINE=MyISAM;
       ${OWN_COLUMNS} ALTER TABLE user ADD UNIQUE INDEX invites (invite);
       UPDATE user SET invite = 'abc', flags = '{"a": 1}' WHERE id = 1; UPDATE user SET invite = 'ABC' WHERE id = 2;`,
    );
    const before = await query(target, SHAPE, ["user", OWN]);
    await migrate(target, migrationsFolder);
    expect(await query(target, SHAPE, ["user", OWN])).toEqual(before);
    expect(await query(target, "SELECT id FROM user WHERE invite = 'abc'")).toEqual([{ id: 1 }] as never);
    await expectServed(target);
  });

  test("the seed's keep nullability, default, comment and checks, whatever is in them", async () => {
    const target = await seedDatabase(
      `ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,
         MODIFY username varchar(60) NOT NULL DEFAULT 'it''s, \\\\ "x"' COMMENT '姓, \\n\`salt\` varchar(1)' CHECK (username <> 'nobody'),
         MODIFY salt varchar(64) NOT NULL DEFAULT '' COMMENT '';
       ALTER TABLE revoked_tokens MODIFY jti varchar(36) CHARACTER SET latin1 NOT NULL;`,
    );
    const columns = ["username", "pwd", "salt", "jti"];
    const shapes = async () =>
      (
        await Promise.all(["user", "revoked_tokens"].map((table) => query(target, SHAPE, [table, columns])))
      ).flat();
    const before = await shapes();
    await migrate(target, migrationsFolder);
    const ours = before.map((column) => ({ ...column, collation: "utf8mb4_unicode_ci" }));
    for (const column of ours as Record<string, unknown>[])
      if (column.name === "pwd") column.type = "varchar(255)";
    expect(await shapes()).toEqual(ours as never);
    await expect(query(target, "UPDATE user SET username = 'nobody' WHERE id = 1")).rejects.toThrow();
    await expectServed(target);
  });

  test("a table in another collation than its columns: pwd is widened in theirs, and others are let be", async () => {
    const target = await seedDatabase(`${OWN_COLUMNS} ALTER TABLE user DEFAULT CHARACTER SET latin1;`);
    const before = await query(target, SHAPE, ["user", OWN]);
    await migrate(target, migrationsFolder);
    expect(await query(target, SHAPE, ["user", OWN])).toEqual(before);
    expect(await query(target, SHAPE, ["user", ["pwd"]])).toMatchObject([
      { collation: "utf8mb4_unicode_ci" },
    ]);
  });
});

test("a collation without padding, MySQL 8's default: names that differ in a trailing space are found, and adopted once renamed", async () => {
  const target = await seedDatabase();
  // MariaDB 10.11 lacks MySQL's own, and has one that compares alike.
  const [noPad] = await query(
    target,
    "SELECT COLLATION_NAME AS name FROM information_schema.COLLATIONS WHERE COLLATION_NAME IN ('utf8mb4_0900_ai_ci', 'utf8mb4_nopad_bin')",
  );
  await query(
    target,
    `ALTER TABLE user CONVERT TO CHARACTER SET utf8mb4 COLLATE ${noPad?.name}, ADD UNIQUE INDEX ix_user_username (username);
     ALTER TABLE revoked_tokens CONVERT TO CHARACTER SET utf8mb4 COLLATE ${noPad?.name};
     INSERT INTO user SELECT 9, 'alice ', pwd, salt, created_at, updated_at FROM user WHERE id = 1`,
  );
  await expect(migrate(target, migrationsFolder)).rejects.toThrow('ids 1, 9: "alice", "alice "');
  await query(target, "DELETE FROM user WHERE id = 9");
  await migrate(target, migrationsFolder);
  await expectServed(target);
});

test("a run killed after any statement is finished by the next", async () => {
  const statements = readMigrationFiles({ migrationsFolder }).flatMap(({ sql }) => sql);
  for (let killedAfter = 1; killedAfter <= statements.length; killedAfter++) {
    const target = await seedDatabase();
    const connection = await createConnection({ ...connectionOptions(target) });
    for (const statement of statements.slice(0, killedAfter)) await connection.query(statement);
    connection.destroy();
    await migrate(target, migrationsFolder);
    const [unique] = await query(
      target,
      "SELECT COUNT(*) AS n FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME LIKE '%\\_unique'",
    );
    expect(unique?.n).toBe(2);
    expect((await query(target, USERS)).length).toBe(4);
  }
});

test("Flask goes on while it is migrated and afterwards: registers, logs in, lists, logs out", async () => {
  const target = await seedDatabase();
  const flask = flaskOn(target);
  const [{ pwd, salt }] = (await query(target, "SELECT pwd, salt FROM user WHERE id = 1")) as unknown as [
    { pwd: string; salt: string },
  ];
  const day = async (n: number) => {
    await flask.register(`during-${n}`, pwd, salt);
    expect(await flask.login(`during-${n}`, "s3cret pass")).toBe(true);
    await flask.logout(`jti-${n}`);
    expect(await flask.isRevoked(`jti-${n}`)).toBe(true);
    return (await flask.list()).length;
  };
  let migrated = false;
  const migration = migrate(target, migrationsFolder).then(() => {
    migrated = true;
  });
  let days = 0;
  while (!migrated) await day(++days);
  await migration;
  expect(await day(++days)).toBe(4 + days);
  expect(await query(target, "SELECT COUNT(*) AS n FROM revoked_tokens WHERE expires_at IS NULL")).toEqual([
    { n: 1 + days },
  ] as never);
  await expectServed(target);
});
