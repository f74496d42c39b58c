import { describe, expect, test } from "bun:test";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { withConnection } from "../../src/db/connection.ts";
import { migrate } from "../../src/db/migrate.ts";
import { NOTES } from "../../src/db/notes.ts";
import { findObstacles, MADE_AT } from "../../src/db/obstacles.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { testApp } from "../support/app.ts";
import { databaseUrl, emptyDatabase, poolOn } from "../support/database.ts";
import { query, SEED_ACCOUNTS, SEED_SECRET, seedDatabase } from "../support/flask.ts";
import { run } from "../support/process.ts";

const migrations = readMigrationFiles({ migrationsFolder });

const everything = (target: DatabaseTarget) =>
  query(
    target,
    `SELECT t.TABLE_NAME, t.TABLE_TYPE, t.ENGINE, t.TABLE_COLLATION, c.COLUMN_NAME, c.COLUMN_TYPE, c.COLLATION_NAME, c.COLUMN_KEY
     FROM information_schema.TABLES t LEFT JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME)
     WHERE t.TABLE_SCHEMA = DATABASE() ORDER BY 1, 5`,
  );

const obstaclesOf = async (target: DatabaseTarget) => (await withConnection(target, findObstacles)).obstacles;

const refusal = (target: DatabaseTarget) =>
  migrate(target, migrationsFolder).then(
    () => "it migrated",
    (error: Error) => `${error.name}: ${error.message}`,
  );

const GENERAL = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";
const OTHER_SESSION = "CREATE TABLE session (id varchar(255) PRIMARY KEY, data blob, expires_at datetime";

/** What is in the way: the SQL that makes it so, and what has to be said. */
const OBSTACLES: Record<string, [sql: string, ...said: string[]]> = {
  "a table session of somebody else's": [
    `${OTHER_SESSION})`,
    "table session has no column user_id",
    "table session has no column address",
    "column session.expires_at is datetime, and has to be bigint",
  ],
  "one that has our columns, and one that has to be filled": [
    `${OTHER_SESSION}, user_id int NOT NULL, counter int NOT NULL, created_at bigint NOT NULL, last_used_at bigint NOT NULL,
      rotated_at bigint, user_agent varchar(255), address varchar(45), tenant int NOT NULL)`,
    "column session.expires_at is datetime, and has to be bigint",
    "column session.tenant is NOT NULL without a default",
  ],
  "a table attempt of somebody else's": [
    "CREATE TABLE attempt (id int PRIMARY KEY, bucket varchar(100), count int NOT NULL, expires_at bigint)",
    "column attempt.bucket is varchar(100), and has to be the primary key",
    "column attempt.expires_at is bigint",
    "NULL, and has to be NOT NULL",
    "column attempt.id is NOT NULL without a default",
  ],
  "users in a view": [
    "RENAME TABLE user TO account; CREATE VIEW user AS SELECT * FROM account",
    "user has to be a plain table, and is: view",
  ],
  "users in partitions": [
    "ALTER TABLE user PARTITION BY HASH (id) PARTITIONS 2",
    "user has to be a plain table, and is: partitioned",
  ],
  "a view whose table is gone": [
    "CREATE TABLE x (id int); DROP TABLE revoked_tokens; CREATE VIEW revoked_tokens AS SELECT * FROM x; DROP TABLE x",
    "revoked_tokens has to be a plain table, and is: view",
  ],
  "columns without a default": [
    "ALTER TABLE user ADD `nick\u001b[31m` varchar(10) NOT NULL, ADD tags set('a') NOT NULL; ALTER TABLE revoked_tokens ADD at datetime NOT NULL",
    "column user.nick\u{FFFD}[31m is NOT NULL without a default",
    "column user.tags is NOT NULL without a default",
    "column revoked_tokens.at is NOT NULL without a default",
  ],
  "ids that nobody counts up": [
    "ALTER TABLE user MODIFY id int NOT NULL",
    "column user.id is NOT NULL without a default",
  ],
  "ids beyond an int": [
    "ALTER TABLE user MODIFY id bigint NOT NULL AUTO_INCREMENT; UPDATE user SET id = 2147483648 WHERE id = 4",
    "user ids go up to 2147483648",
  ],
  "columns of our names": [
    `ALTER TABLE user ADD disabled_at datetime, ADD tokens_valid_from bigint NOT NULL DEFAULT 0, ADD logins int NOT NULL DEFAULT 0;
     ALTER TABLE revoked_tokens ADD expires_at datetime`,
    "column user.disabled_at is datetime, and has to be bigint",
    "column user.tokens_valid_from is bigint",
    "NOT NULL, and has to be NULL",
    "column user.logins is int",
    "column revoked_tokens.expires_at is datetime, and has to be bigint",
  ],
  "names and token ids that no index takes": [
    "ALTER TABLE user MODIFY username text; ALTER TABLE revoked_tokens MODIFY jti varchar(769)",
    "column user.username is text: for its unique index it has to be varchar, of 768 characters at most",
    "column revoked_tokens.jti is varchar(769): for its unique index",
  ],
  "an older row format, whose indexes take less": [
    "ALTER TABLE user MODIFY username varchar(192) NOT NULL, ROW_FORMAT=COMPACT",
    "column user.username is varchar(192): for its unique index it has to be varchar, of 191 characters at most",
  ],
  "too narrow columns": [
    "DELETE FROM revoked_tokens; ALTER TABLE revoked_tokens MODIFY jti varchar(35); ALTER TABLE user MODIFY username varchar(39) NOT NULL; UPDATE user SET salt = ''; ALTER TABLE user MODIFY salt varchar(16)",
    "column revoked_tokens.jti is varchar(35): it needs 36 characters",
    "column user.username is varchar(39): it needs 40 characters",
    "column user.salt is varchar(16): it needs 32 characters",
  ],
  "columns that are no text": [
    "ALTER TABLE user MODIFY pwd varbinary(200), MODIFY username varbinary(40); INSERT INTO user SELECT 9, 'ALICE', pwd, salt, created_at, updated_at FROM user WHERE id = 1",
    "column user.username is varbinary(40), which is no text",
    'ids 1, 9: "alice", "ALICE"',
    "column user.pwd is varbinary(200), which is no text",
  ],
  "columns that are not there": ["ALTER TABLE user DROP COLUMN salt", "table user has no column salt"],
  "a foreign key on a name that needs another collation": [
    `ALTER TABLE user CONVERT TO ${GENERAL}, ADD UNIQUE (username);
     CREATE TABLE orders (customer varchar(40) ${GENERAL}, CONSTRAINT who FOREIGN KEY (customer) REFERENCES user (username))`,
    "the collation of user.username has to change, which foreign key who of table orders does not allow",
  ],
  "a full-text index on it": [
    `ALTER TABLE user CONVERT TO ${GENERAL}, ADD nick varchar(40) ${GENERAL}, ADD FULLTEXT words (nick, username)`,
    "the collation of user.username has to change, which full-text index words does not allow",
  ],
};

describe("in the way of a takeover, told by the check and refused before anything is changed:", () => {
  for (const [name, [sql, ...said]] of Object.entries(OBSTACLES)) {
    test(name, async () => {
      const target = await seedDatabase(`SET SESSION sql_mode = 'STRICT_TRANS_TABLES'; ${sql};`);
      const before = await everything(target);
      const error = await refusal(target);
      expect(error).toStartWith("NotAdoptable: nothing was changed, since this is in the way:\n  - ");
      const env = { DATABASE_URL: databaseUrl(target), JWT_SECRET_KEY: SEED_SECRET };
      const { exitCode, stdout } = await run("src/commands/takeoverCheck.ts", env);
      expect([exitCode, stdout]).toEqual([1, expect.stringContaining("verdict             not ready:")]);
      for (const text of [error, stdout]) {
        for (const part of said) expect(text).toContain(part);
        expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
      }
      expect(await everything(target)).toEqual(before);
    });
  }

  test("all at once, names that repeat among them, in one error", async () => {
    const target = await seedDatabase(
      "INSERT INTO user SELECT 9, 'ALICE', pwd, salt, created_at, updated_at FROM user WHERE id = 1; ALTER TABLE user ADD nick int NOT NULL;" +
        "DELETE FROM revoked_tokens; ALTER TABLE revoked_tokens MODIFY jti varchar(35);",
    );
    const error = await refusal(target);
    for (const part of ["column user.nick", "column revoked_tokens.jti", 'ids 1, 9: "alice", "ALICE"'])
      expect(error).toContain(part);
  });
});

describe("not in the way:", () => {
  const HARMLESS: Record<string, string> = {
    "columns that fill themselves":
      "ALTER TABLE user ADD a int NOT NULL DEFAULT 1, ADD b int, ADD c enum('x', 'y') NOT NULL, ADD d timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, ADD e varchar(80) AS (CONCAT(username, '@')) STORED, ADD name int DEFAULT 3",
    "keys on ids, and other collations": `ALTER TABLE user CONVERT TO ${GENERAL}, ADD FULLTEXT (username); CREATE TABLE orders (customer int, FOREIGN KEY (customer) REFERENCES user (id))`,
    "a key on a name in our collation":
      "ALTER TABLE user ADD UNIQUE (username); CREATE TABLE orders (customer varchar(40) COLLATE utf8mb4_unicode_ci, FOREIGN KEY (customer) REFERENCES user (username))",
    "wider columns, and columns in capitals":
      "ALTER TABLE user CHANGE username UserName varchar(768) NOT NULL, CHANGE pwd PWD varchar(102), MODIFY salt text; ALTER TABLE revoked_tokens MODIFY jti char(36)",
    "fractions of seconds, and ids that are wider than what is in them":
      "ALTER TABLE user MODIFY created_at datetime(6) NOT NULL, MODIFY updated_at timestamp NULL, MODIFY id bigint unsigned NOT NULL AUTO_INCREMENT",
    "ids beyond an int, with a session table that takes them":
      "ALTER TABLE user MODIFY id bigint NOT NULL AUTO_INCREMENT; UPDATE user SET id = 2147483648 WHERE id = 4;" +
      `${migrations[1]?.sql[0]?.replace("`user_id` int", "`user_id` bigint")}`,
    "notes of another program's migrations": `${NOTES}; INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 1)`,
  };
  for (const [name, sql] of Object.entries(HARMLESS)) {
    test(name, async () => {
      const target = await seedDatabase(`SET SESSION sql_mode = 'STRICT_TRANS_TABLES'; ${sql};`);
      expect(await obstaclesOf(target)).toEqual([]);
      await migrate(target, migrationsFolder);
      const it = await testApp({ db: poolOn(target).db, env: { JWT_SECRET_KEY: SEED_SECRET } });
      const carol = SEED_ACCOUNTS.find(({ username }) => username === "carol");
      await it.login("carol", String(carol?.password));
      const { accessToken } = await it.newUser();
      expect((await it.withToken("POST", "/api/logout", accessToken)).status).toBe(200);
      expect((await it.withToken("GET", "/api/getUser", accessToken)).body.code).toBe("token_revoked");
    });
  }
  test("tables whose names differ in case", async () => {
    const target = await seedDatabase();
    const [{ n }] = (await query(target, "SELECT @@lower_case_table_names AS n")) as unknown as [
      { n: number },
    ];
    if (n !== 0) return;
    await query(
      target,
      "CREATE TABLE Session (x int); CREATE TABLE ATTEMPT (y int NOT NULL); CREATE TABLE User (z int)",
    );
    expect(await obstaclesOf(target)).toEqual([]);
    await migrate(target, migrationsFolder);
  });

  test("anything in a database of our own, however far its migrations came", async () => {
    for (const begin of [emptyDatabase, seedDatabase]) {
      const target = await begin();
      await query(target, NOTES);
      expect(await obstaclesOf(target)).toEqual([]);
      await withConnection(target, async (connection) => {
        for (const { sql, hash, folderMillis } of migrations) {
          for (const statement of sql) {
            await connection.query(statement);
            expect([statement, (await findObstacles(connection)).obstacles]).toEqual([statement, []]);
          }
          const notes = "INSERT INTO `__drizzle_migrations` (hash, created_at) VALUES (?, ?)";
          await connection.query(notes, [hash, folderMillis]);
          expect([folderMillis, await findObstacles(connection)]).toMatchObject([
            folderMillis,
            { obstacles: [] },
          ]);
        }
        await connection.query("DELETE FROM `__drizzle_migrations`"); // all is there, and nothing noted
        expect(await findObstacles(connection)).toMatchObject({ obstacles: [] });
      });
    }
  });

  test("what an operator has added to our tables since they are ours, until what a later migration makes", async () => {
    const target = await seedDatabase();
    await migrate(target, migrationsFolder);
    await query(target, "DELETE FROM __drizzle_migrations ORDER BY created_at DESC LIMIT 3");
    await query(
      target,
      "ALTER TABLE user ADD nick int NOT NULL; ALTER TABLE session ADD tenant int NOT NULL",
    );
    expect(await obstaclesOf(target)).toEqual([]);
    await query(
      target,
      "ALTER TABLE user DROP logins, ADD logins datetime; ALTER TABLE attempt ADD tenant int NOT NULL",
    );
    expect(await refusal(target)).toContain(
      "- column user.logins is datetime, and has to be bigint\n  - column attempt.tenant",
    );
    await query(target, "ALTER TABLE user DROP logins; DROP TABLE attempt");
    expect(await migrate(target, migrationsFolder)).toBe(3);
  });
});

test("each part is known by the migration that makes it", () => {
  const journal = migrations.map(({ folderMillis }) => folderMillis);
  for (const [part, when] of Object.entries(MADE_AT))
    expect([part, journal]).toEqual([part, expect.arrayContaining([when])]);
});
