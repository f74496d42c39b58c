import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { copyDataDirectory, madeBy, makeDataDirectory } from "./dataDirectory.ts";
import { hasDockerData, startDocker } from "./docker.ts";
import { ownName, removeFolder, removeLeftovers } from "./files.ts";
import { findEngine, nothingFound } from "./find.ts";
import { takeLock } from "./lock.ts";
import { endPredecessor } from "./predecessor.ts";
import { startServer } from "./server.ts";
import type { LocalDatabase, LocalDatabaseOptions } from "./types.ts";

export { FolderInUse } from "./lock.ts";
export type { LocalDatabase, LocalDatabaseOptions } from "./types.ts";

/**
 * Starts a private database server on a data directory, both made when missing, and waits until it lets us in. It ends
 * with this process, however that ends. Databases in it are the caller's business.
 * @throws Error when another process uses the directory, there is no server to be had, or it does not start.
 */
export async function startLocalDatabase(options: LocalDatabaseOptions): Promise<LocalDatabase> {
  const folder = resolve(options.folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const undo: (() => unknown)[] = [];
  const undoAll = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const dataFolder = await claimDataFolder(folder, options, undo);
    const started = await start(folder, dataFolder, options);
    undo.push(started.stop);
    let stopping: Promise<void> | undefined;
    return {
      ...started,
      stop: () => {
        stopping ??= undoAll();
        return stopping;
      },
    };
  } catch (error) {
    await undoAll();
    throw error;
  }
}

/** Locks the data directory, which need not exist yet; `undo` gets what lets go of it. */
async function claimDataFolder(
  folder: string,
  options: LocalDatabaseOptions,
  undo: (() => unknown)[],
): Promise<string> {
  const throwaways = join(folder, "throwaway");
  const usual = options.throwaway ? join(throwaways, ownName()) : join(folder, "database");
  const dataFolder = resolve(options.dataFolder ?? usual);
  await mkdir(dirname(dataFolder), { recursive: true });
  const lockFile = `${dataFolder}.lock`;
  undo.push(takeLock(lockFile, dataFolder));
  if (options.throwaway) {
    await removeLeftovers(throwaways, "");
    undo.push(() => rm(lockFile, { force: true }));
    // Removed at the end, so it must be nobody's.
    if (existsSync(dataFolder) && (await readdir(dataFolder)).length > 0)
      throw new Error(`${dataFolder} is not empty: no place for a throwaway database`);
    undo.push(() => removeFolder(dataFolder));
  }
  return dataFolder;
}

async function start(
  folder: string,
  dataFolder: string,
  options: LocalDatabaseOptions,
): Promise<LocalDatabase> {
  const { path, report, throwaway = false, flags = [], env = {} } = options;
  const inDocker = () => startDocker({ dataFolder, throwaway, path, report });
  const family = await madeBy(dataFolder);
  // Data that was begun in a container stays there, whatever was installed since.
  if (family === undefined && hasDockerData(dataFolder)) {
    const database = await inDocker();
    if (database === undefined)
      throw new Error(`the data of ${dataFolder} is in Docker, which does not answer`);
    return database;
  }
  const engine = await findEngine({ folder, shown: options.folder, path, family, report });
  if (Array.isArray(engine)) {
    const database = family === undefined ? await inDocker() : undefined;
    if (database === undefined) throw await nothingFound(engine);
    return database;
  }
  report(`database: ${engine.name}`);
  await endPredecessor(dataFolder, report);
  if (family === undefined) {
    if (throwaway) await copyDataDirectory(engine, folder, dataFolder, report);
    else await makeDataDirectory(engine, dataFolder, report);
  }
  const { child, socketPath, stop } = await startServer(engine, dataFolder, {
    throwaway,
    flags,
    env,
    path,
    report,
  });
  return {
    engine: engine.name,
    pid: child.pid,
    connection: { socketPath, user: "root", password: "" },
    exited: child.exited,
    stop,
  };
}
