import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { query, SHARED, silent } from "./support.ts";

const start = (dataFolder: string) => startLocalDatabase({ folder: SHARED, dataFolder, report: silent });

test("a row outlives a kill -9 of the server, and stop may be called again", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "database");
  const first = await start(dataFolder);
  await query(first.connection, "create database app");
  await query(first.connection, "create table app.t (name varchar(40) primary key)");
  await query(first.connection, "insert into app.t values ('kept')");
  process.kill(first.pid ?? 0, "SIGKILL");
  expect(await first.exited).not.toBe(0);
  await first.stop();

  const second = await start(dataFolder);
  expect(await query(second.connection, "select name from app.t")).toEqual([{ name: "kept" }]);
  await Promise.all([second.stop(), second.stop()]);
  await second.stop();
  expect(await second.exited).toBe(0);
  expect(existsSync(join(dataFolder, "my.sock"))).toBe(false);
});

test("the data is private, the server speaks utf8mb4 and knows no one but root over the socket", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "database");
  const database = await start(dataFolder);
  try {
    expect(statSync(dataFolder).mode & 0o777).toBe(0o700);
    const [variables] = await query(
      database.connection,
      `select @@character_set_server as charset, @@collation_server as collation,
        @@max_allowed_packet as packet, @@skip_networking as no_network, @@innodb_flush_log_at_trx_commit as flush`,
    );
    expect(variables).toEqual({
      charset: "utf8mb4",
      collation: "utf8mb4_unicode_ci",
      packet: 64 * 1024 * 1024,
      no_network: 1,
      flush: 1,
    });
    const users = await query(
      database.connection,
      "select user, host from mysql.user where user = '' or user = 'root' or host <> 'localhost'",
    );
    expect(users.map((row) => Object.values(row as object))).toEqual([["root", "localhost"]]);
  } finally {
    await database.stop();
  }
});

test("a second start on the same folder fails at once, and the first goes on", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "database");
  const first = await start(dataFolder);
  const begin = performance.now();
  await expect(start(dataFolder)).rejects.toThrow(
    `another latchkey is using ${dataFolder}; stop it or set DATABASE_URL to share one database`,
  );
  expect(performance.now() - begin).toBeLessThan(5_000);
  expect(await query(first.connection, "select 1 as one")).toEqual([{ one: 1 }]);
  await first.stop();
});

test("of several that start at once on one new folder, one wins", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "database");
  const starts = await Promise.allSettled([start(dataFolder), start(dataFolder), start(dataFolder)]);
  const winners = starts.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  for (const winner of winners) await winner.stop();
  expect(winners).toHaveLength(1);
});

test("a data directory whose making was cut short is made again", async () => {
  await using temporary = temporaryFolder();
  const gone = Bun.spawn([process.execPath, "--version"], { stdio: ["ignore", "ignore", "ignore"] });
  await gone.exited;
  const half = join(temporary.path, `database.new-${gone.pid}-0123abcd`);
  await mkdir(half);
  await writeFile(join(half, "ibdata1"), "half");
  const database = await start(join(temporary.path, "database"));
  await database.stop();
  expect(existsSync(half)).toBe(false);
});

test("a folder that holds something else is left alone", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "papers");
  await mkdir(dataFolder);
  await writeFile(join(dataFolder, "thesis.txt"), "mine");
  await expect(start(dataFolder)).rejects.toThrow("neither empty nor the data directory of a database");
  expect(existsSync(join(dataFolder, "thesis.txt"))).toBe(true);
});

test("a server that does not start shows the end of its log, and lets go of the folder", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "database");
  await (await start(dataFolder)).stop();
  const system = join(dataFolder, "ibdata1");
  const whole = await Bun.file(system).bytes();
  await writeFile(system, "rubbish");
  await expect(start(dataFolder)).rejects.toThrow(/Its log ends with:\n[\s\S]*ibdata1/);
  await writeFile(system, whole);
  await (await start(dataFolder)).stop();
});
