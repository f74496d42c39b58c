import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { query, SHARED, silent } from "./support.ts";

test("several throwaway servers run at once and leave nothing behind", async () => {
  const options = { folder: SHARED, throwaway: true, report: silent };
  const servers = await Promise.all([1, 2, 3].map(() => startLocalDatabase(options)));
  const folders = servers.map(({ connection }) => {
    if (!("socketPath" in connection)) throw new Error("no socket");
    return dirname(connection.socketPath);
  });
  expect(new Set(folders).size).toBe(3);
  for (const { connection } of servers) await query(connection, "create database app");
  await Promise.all(servers.map((server) => server.stop()));
  for (const folder of folders) {
    expect(existsSync(folder)).toBe(false);
    expect(existsSync(`${folder}.lock`)).toBe(false);
  }
});

test("a throwaway server in a folder of the caller's removes that folder", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "data");
  const database = await startLocalDatabase({ folder: SHARED, dataFolder, throwaway: true, report: silent });
  await database.stop();
  expect(readdirSync(temporary.path)).toEqual([]);
});

test("a folder that is not empty is no place for a throwaway server", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "data");
  await mkdir(dataFolder);
  await writeFile(join(dataFolder, "thesis.txt"), "mine");
  const start = startLocalDatabase({ folder: SHARED, dataFolder, throwaway: true, report: silent });
  await expect(start).rejects.toThrow("not empty");
  expect(readdirSync(dataFolder)).toEqual(["thesis.txt"]);
});

test("what a killed process left of its throwaway servers is removed by the next", async () => {
  const gone = Bun.spawn([process.execPath, "--version"], { stdio: ["ignore", "ignore", "ignore"] });
  await gone.exited;
  const left = join(SHARED, "throwaway", `${gone.pid}-0123abcd`);
  await mkdir(left, { recursive: true });
  await writeFile(`${left}.lock`, "");
  const database = await startLocalDatabase({ folder: SHARED, throwaway: true, report: silent });
  await database.stop();
  expect(existsSync(left)).toBe(false);
  expect(existsSync(`${left}.lock`)).toBe(false);
});
