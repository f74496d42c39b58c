import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import {
  lives,
  onlyTools,
  query,
  SERVERS_AND_APT,
  SHARED,
  silent,
  spawnOwner,
  startOwner,
  until,
} from "./support.ts";

const waysToEnd = [
  { name: "setpriv", tools: [...SERVERS_AND_APT, "setpriv"] },
  { name: "the watchdog", tools: SERVERS_AND_APT },
];

for (const { name, tools } of waysToEnd) {
  test(`killed with its process by ${name}; the next start works`, async () => {
    await using temporary = temporaryFolder();
    await mkdir(join(temporary.path, "bin"));
    const path = onlyTools(join(temporary.path, "bin"), tools);
    const dataFolder = join(temporary.path, "database");
    const { process: owner, started } = await startOwner({ dataFolder, path });
    await query(started.connection, "create database app");
    owner.kill("SIGKILL");
    await owner.exited;
    await until("the server to end by itself", async () => !(await lives(started.pid)), 10_000);
    expect(await Bun.file(join(dataFolder, "server.log")).text()).toContain("Normal shutdown");
    const next = await startLocalDatabase({ folder: SHARED, dataFolder, path, report: silent });
    expect(await query(next.connection, "show databases like 'app'")).toHaveLength(1);
    await next.stop();
  });
}

// Thrice, since the moments of a start in which a SIGTERM has MariaDB hang are most of it and not all.
for (const time of ["once", "twice", "thrice"])
  test(`killed with its process while it starts, ${time}`, async () => {
    await using temporary = temporaryFolder();
    const dataFolder = join(temporary.path, "database");
    await (await startLocalDatabase({ folder: SHARED, dataFolder, report: silent })).stop();
    const log = Bun.file(join(dataFolder, "server.log"));
    await log.delete();
    const owner = spawnOwner({ dataFolder });
    // It is up in 0.2 s: this is in the middle of it.
    await until("the server's log", async () => (await log.text().catch(() => "")).includes("InnoDB"));
    const pid = Number(await Bun.file(join(dataFolder, "server.pid")).text());
    owner.kill("SIGKILL");
    await owner.exited;
    await until("the server to end by itself", async () => !(await lives(pid)), 5_000);
    await (await startLocalDatabase({ folder: SHARED, dataFolder, report: silent })).stop();
  });

test("a start waits for the server of a killed process that is still there", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "database");
  const { process: owner, started } = await startOwner({ dataFolder });
  // Frozen, it cannot stop when its owner dies: as one that takes long to shut down.
  process.kill(started.pid, "SIGSTOP");
  owner.kill("SIGKILL");
  await owner.exited;
  let resumed = false;
  const report = (line: string) => {
    if (!line.includes("waiting for the database server") || resumed) return;
    resumed = true;
    process.kill(started.pid, "SIGCONT");
  };
  const next = await startLocalDatabase({ folder: SHARED, dataFolder, report });
  expect(resumed).toBe(true);
  expect(await lives(started.pid)).toBe(false);
  await next.stop();
});

test("neither a stopped server nor one left running keeps the process from ending", async () => {
  for (const once of ["stop", "leave"] as const) {
    await using temporary = temporaryFolder();
    const dataFolder = join(temporary.path, "database");
    for (const path of [undefined, onlyTools(temporary.path, SERVERS_AND_APT)]) {
      const { process: owner, started } = await startOwner({ dataFolder, once, ...(path ? { path } : {}) });
      expect(await owner.exited).toBe(0);
      await until("the server to end", async () => !(await lives(started.pid)), 10_000);
    }
  }
});

test("a socket path that is too long moves to a private folder that stop removes", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "d".repeat(60), "e".repeat(60), "database");
  const database = await startLocalDatabase({ folder: SHARED, dataFolder, report: silent });
  const { connection } = database;
  if (!("socketPath" in connection)) throw new Error("no socket");
  expect(Buffer.byteLength(connection.socketPath)).toBeLessThan(108);
  expect(await query(connection, "select 1 as one")).toEqual([{ one: 1 }]);
  await database.stop();
  expect(existsSync(join(connection.socketPath, ".."))).toBe(false);
});

test.skipIf(process.platform !== "linux")("no network port is open", async () => {
  await using temporary = temporaryFolder();
  const dataFolder = join(temporary.path, "database");
  const database = await startLocalDatabase({ folder: SHARED, dataFolder, report: silent });
  const listing = Bun.spawn(["ls", "-l", `/proc/${database.pid}/fd`]);
  const sockets = (await new Response(listing.stdout).text()).match(/(?<=socket:\[)\d+/g) ?? [];
  const tables = ["tcp", "tcp6", "udp", "udp6"].map((name) => Bun.file(`/proc/net/${name}`));
  const network = (await Promise.all(tables.map((file) => file.text().catch(() => "")))).join("\n");
  await database.stop();
  expect(sockets.length).toBeGreaterThan(0);
  for (const inode of sockets) expect(network).not.toContain(` ${inode} `);
});
