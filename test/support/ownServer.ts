import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, createConnection } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { connectionOptions } from "../../src/db/connection.ts";
import { type LocalDatabase, startLocalDatabase } from "../../src/runtime/localDatabase/index.ts";
import { dataFolder } from "./database.ts";

/** A database server for one test to break. */
export interface OwnServer {
  /** An empty database, by an account that is no administrator: what is forbidden to others is forbidden to it. */
  target: DatabaseTarget;
  root(): Promise<Connection>;
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGTERM" | "SIGKILL"): void;
  /** As `ps` has it. */
  processState(): Promise<string>;
  /** Waits for its end, and starts it on the same data at the same address, with more room from then on if asked to. */
  startAgain(options?: { megabytes: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** All tables in one file that does not grow beyond this, so that a disk can be full without one being filled. */
const room = (megabytes: number) => [
  "--innodb-file-per-table=0",
  `--innodb-data-file-path=ibdata1:12M:autoextend:max:${megabytes}M`,
];

/** Starts one. Its data outlives its process, unlike that of a throwaway server. */
export async function ownServer(): Promise<OwnServer> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-faults-"));
  const options = { folder: dataFolder, dataFolder: join(folder, "data"), report: () => {} };
  let megabytes = 20;
  const start = () => startLocalDatabase({ ...options, flags: room(megabytes) });
  let server: LocalDatabase = await start();
  const root = () => createConnection(connectionOptions({ ...server.connection, database: "" }));
  const account = { user: "faults", password: "test-password", database: "faults" };
  const connection = await root();
  await connection.query("CREATE DATABASE faults CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
  await connection.query("CREATE USER faults@localhost IDENTIFIED BY 'test-password'");
  await connection.query("GRANT ALL ON faults.* TO faults@localhost");
  await connection.end();
  return {
    target: { ...server.connection, ...account },
    root,
    signal: (name) => {
      if (server.pid !== undefined) process.kill(server.pid, name);
    },
    processState: async () => {
      const ps = Bun.spawn(["ps", "-o", "stat=", "-p", String(server.pid)]);
      return (await new Response(ps.stdout).text()).trim();
    },
    startAgain: async (more = { megabytes }) => {
      megabytes = more.megabytes;
      await server.exited;
      await server.stop();
      server = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
