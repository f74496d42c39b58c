import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataFolder, testServer } from "../support/database.ts";
import { over, type Running, run, startService, until } from "../support/process.ts";

const folders: string[] = [];
const services: Running[] = [];
afterEach(async () => {
  for (const { process } of services.splice(0)) {
    process.kill("SIGKILL");
    await process.exited;
  }
  for (const folder of folders.splice(0)) {
    const pid = serverPid(folder);
    await until(
      () => !isAlive(pid),
      () => `server ${pid} outlived its owner`,
    );
    await rm(folder, { recursive: true });
  }
});

/** A data folder as of a first start, but for the server, which need not be fetched again. */
async function newFolder(): Promise<string> {
  await testServer(); // has fetched it by now, where there was none
  const folder = await mkdtemp(join(tmpdir(), "latchkey-data-"));
  if (existsSync(join(dataFolder, "mariadb")))
    await symlink(join(dataFolder, "mariadb"), join(folder, "mariadb"));
  folders.push(folder);
  return folder;
}

const start = async (folder: string) => {
  const service = await startService({ DATA_DIR: folder, ARGON2_MEMORY_KIB: "64", ARGON2_TIME_COST: "1" });
  services.push(service);
  return service;
};

function serverPid(folder: string): number {
  const file = join(folder, "database", "server.pid");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("with no database configured it starts its own, keeps data and secret, and ends it with itself", async () => {
  const folder = await newFolder();
  const first = await start(folder);
  await until(
    () => first.stderr().includes("latchkey answers at"),
    () => `no welcome: ${first.stderr()}`,
  );
  const { accessToken } = await over(first).newUser();
  const pid = serverPid(folder);
  expect(isAlive(pid)).toBe(true);
  first.process.kill("SIGTERM");
  expect(await first.process.exited).toBe(0);
  expect(isAlive(pid)).toBe(false);

  // The token is good at the next start: the secret was kept, and so was the session.
  const second = await start(folder);
  expect((await over(second).withToken("GET", "/api/getUserList", accessToken)).status).toBe(200);
});

test("it survives a crash of the database, and the database a crash of the service", async () => {
  const folder = await newFolder();
  const first = await start(folder);
  const { accessToken } = await over(first).newUser();
  const crashed = serverPid(folder);
  process.kill(crashed, "SIGKILL");
  const statuses = new Set<number>();
  await until(
    async () => {
      const { status } = await over(first).withToken("GET", "/api/getUserList", accessToken);
      statuses.add(status);
      return status === 200 && serverPid(folder) !== crashed;
    },
    () => `it did not come back: ${first.stderr()}`,
  );
  expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);

  const orphan = serverPid(folder);
  first.process.kill("SIGKILL");
  await first.process.exited;
  await until(
    () => !isAlive(orphan),
    () => "the database outlived the service",
  );
  const second = await start(folder);
  expect((await over(second).withToken("GET", "/api/getUserList", accessToken)).status).toBe(200);
});

test("a second service on the same folder is told so at once", async () => {
  const folder = await newFolder();
  await start(folder);
  const second = await run("src/index.ts", { DATA_DIR: folder, PORT: "0" });
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toContain("another latchkey");
  expect(second.stderr).toContain("DATABASE_URL");
});

test("a kept secret that is damaged stops the start and is named, and is never used", async () => {
  for (const content of ["", "abc"]) {
    const folder = await newFolder();
    await Bun.write(join(folder, "jwt-secret"), content);
    const refused = await run("src/index.ts", { DATA_DIR: folder, PORT: "0" });
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("jwt-secret is damaged")]);
  }
});

test("commands work beside a running service, also where its socket lies elsewhere", async () => {
  const folder = join(await newFolder(), "x".repeat(100));
  await mkdir(folder);
  if (existsSync(join(dataFolder, "mariadb")))
    await symlink(join(dataFolder, "mariadb"), join(folder, "mariadb"));
  const service = await start(folder);
  const { username } = await over(service).newUser();
  const listed = await run("src/commands/user.ts", { DATA_DIR: folder }, ["list"]);
  expect([listed.exitCode, listed.stdout]).toEqual([0, expect.stringContaining(username)]);
  expect(statSync(join(folder, "connection.json")).mode & 0o777).toBe(0o600);
  service.process.kill("SIGTERM");
  expect(await service.process.exited).toBe(0);
});

test("bun run db:migrate prepares the local database too", async () => {
  const folder = await newFolder();
  const migrated = await run("src/commands/migrate.ts", { DATA_DIR: folder });
  expect([migrated.exitCode, migrated.stderr]).toEqual([0, expect.stringContaining("migrated")]);
  const again = await run("src/commands/migrate.ts", { DATA_DIR: folder });
  expect([again.exitCode, again.stderr]).toEqual([0, expect.stringContaining("nothing to migrate")]);
});
