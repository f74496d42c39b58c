import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import type { DatabaseTarget } from "../config/database.ts";
import type { Config } from "../config.ts";
import { connectionOptions } from "../db/connection.ts";
import type { LocalDatabase } from "./localDatabase/index.ts";

/** The database that this process uses. */
export interface ProcessDatabase {
  target: DatabaseTarget;
  /** For a person: where it is, without account. */
  description: string;
  /** Ends it if it is ours. */
  stop(): Promise<void>;
}

/** The name of the database in the local server. */
const LOCAL_NAME = "latchkey";

/**
 * The configured database, or a local one that is started and ends with this process.
 * @param report takes a line of progress for a person
 * @param onLost called when the local server ended and could not be brought back
 * @param shared use the local server of another process, if one runs
 * @throws FolderInUse; Error with what to do, where no server is to be had
 */
export async function provideDatabase(
  config: Config,
  report: (line: string) => void,
  onLost: (reason: string) => void,
  { shared = false } = {},
): Promise<ProcessDatabase> {
  const { database: target } = config;
  if (target) {
    const description = target.socketPath ?? `${target.host}:${target.port}`;
    return { target, description: `${target.database} at ${description}`, stop: async () => {} };
  }
  // Only here, since production never needs it.
  const { FolderInUse, startLocalDatabase } = await import("./localDatabase/index.ts");
  const options = { folder: config.dataFolder, report };
  let local: LocalDatabase;
  try {
    local = await startLocalDatabase(options);
  } catch (error) {
    if (shared && error instanceof FolderInUse) return runningLocal(config.dataFolder);
    throw error;
  }
  writeFileSync(connectionFile(config.dataFolder), JSON.stringify(local.connection), { mode: 0o600 });
  let stopping = false;
  const watch = (watched: LocalDatabase) =>
    watched.exited
      .then(async () => {
        if (stopping) return;
        report("the local database ended, starting it again");
        await watched.stop();
        local = await startLocalDatabase(options);
        // The pool goes on with the address it knows, which is the same but for sockets in temporary folders.
        if (JSON.stringify(local.connection) !== JSON.stringify(watched.connection))
          throw new Error("its address changed");
        watch(local);
      })
      .catch((error: Error) => onLost(error.message));
  watch(local);
  await createLocal(local.connection);
  return {
    target: { ...local.connection, database: LOCAL_NAME },
    description: local.engine,
    stop: async () => {
      stopping = true;
      await local.stop();
    },
  };
}

/** Where a process with a local server leaves word of how to reach it, for those that share it. */
const connectionFile = (folder: string) => join(folder, "connection.json");

/** The local server that another process runs. */
function runningLocal(folder: string): ProcessDatabase {
  const connection = JSON.parse(readFileSync(connectionFile(folder), "utf8")) as LocalDatabase["connection"];
  const target = { ...connection, database: LOCAL_NAME };
  return { target, description: "the local one of a running latchkey", stop: async () => {} };
}

async function createLocal(account: LocalDatabase["connection"]): Promise<void> {
  const connection = await createConnection(connectionOptions({ ...account, database: "" }));
  await connection.query(
    `CREATE DATABASE IF NOT EXISTS ${LOCAL_NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
  );
  await connection.end();
}
