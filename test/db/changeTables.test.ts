import { expect, test } from "bun:test";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import { migrate } from "../../src/db/migrate.ts";
import { migratedDatabase, rootConnection } from "../support/database.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { until } from "../support/until.ts";

/** A folder of one migration. */
async function adding(column: string) {
  const folder = temporaryFolder("migrations");
  await Bun.write(join(folder.path, "0000_more.sql"), `ALTER TABLE user ADD COLUMN ${column} int`);
  const entries = [{ idx: 0, version: "5", when: 1, tag: "0000_more", breakpoints: true }];
  const journal = JSON.stringify({ version: "7", dialect: "mysql", entries });
  await Bun.write(join(folder.path, "meta/_journal.json"), journal);
  return folder;
}

test("a migration waits for a transaction that has read its table, says so, and lets others read meanwhile", async () => {
  const { target, pool } = await migratedDatabase();
  await using folder = await adding("more");
  const holder = await rootConnection(target.database);
  await holder.beginTransaction();
  await holder.query("SELECT id FROM user");

  const told: string[] = [];
  const migration = migrate(target, folder.path, (line) => told.push(line));
  const read = () => pool.query<RowDataPacket[]>("SELECT * FROM user");
  // One after the other, so that some come while it waits for the table, and none may wait longer than a request can.
  await until(
    async () => (await read()) && told.length > 0,
    () => "it did not say that it waits",
    migration,
  );
  expect(told[0]).toBe("a transaction holds a table that is to be changed: waiting for its end");
  const [, before] = await read();
  await holder.commit();
  await holder.end();
  expect(await migration).toBe(1);
  const [, after] = await read();
  expect(after.map(({ name }) => name)).toEqual([...before.map(({ name }) => name), "more"]);
});

test("it waits just so until it may note what it has done", async () => {
  const { target } = await migratedDatabase();
  await using folder = await adding("noted");
  const holder = await rootConnection(target.database);
  await holder.query("LOCK TABLES __drizzle_migrations READ");
  const told: string[] = [];
  const migration = migrate(target, folder.path, (line) => told.push(line));
  await until(
    () => told.length > 0,
    () => "it did not say that it waits",
    migration,
  );
  await holder.end();
  expect(await migration).toBe(1);
  expect(await migrate(target, folder.path)).toBe(0);
});
