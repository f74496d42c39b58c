import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, createConnection } from "mysql2/promise";
import { commonFlags, type Engine, temporaryTables } from "./engine.ts";
import { removeFolder } from "./files.ts";
import { pidFile } from "./predecessor.ts";
import { type ServerProcess, spawnServer } from "./process.ts";
import { lastLines, type Report, withProgress } from "./run.ts";

const START_LIMIT = 60_000;
// sun_path, less its closing zero.
const SOCKET_PATH_LIMIT = process.platform === "darwin" ? 103 : 107;

export interface Server {
  child: ServerProcess;
  socketPath: string;
  stop: () => Promise<void>;
}

/** Starts a server on a data directory that is made, and waits until it lets us in. @throws Error with its log's end. */
export async function startServer(
  engine: Engine,
  dataFolder: string,
  options: {
    throwaway: boolean;
    flags: string[];
    env: Record<string, string>;
    path: string | undefined;
    report: Report;
  },
): Promise<Server> {
  const socket = await chooseSocket(dataFolder);
  const temporary = temporaryTables(dataFolder);
  await removeFolder(temporary);
  await mkdir(temporary, { mode: 0o700 });
  const logFile = join(dataFolder, "server.log");
  const logged = existsSync(logFile) ? (await stat(logFile)).size : 0;
  const command = [
    engine.binary,
    ...serverFlags(engine, dataFolder, socket.path, options.throwaway),
    ...options.flags,
  ];
  const env = { ...engine.env, ...options.env };
  const child = await spawnServer(command, { env, logFile, path: options.path });
  const stop = async () => {
    await withProgress(options.report, "stopping the database", child.end());
    await socket.remove();
    await removeFolder(temporary);
  };
  try {
    // The server writes it too, but late: not before it has recovered.
    await writeFile(pidFile(dataFolder), `${child.pid}\n`);
    const ready = untilReady(child, { socketPath: socket.path, user: "root" }, START_LIMIT);
    await withProgress(options.report, `starting ${engine.name}`, ready);
    child.nowServing();
    return { child, socketPath: socket.path, stop };
  } catch (error) {
    await stop();
    const log = (await readFile(logFile)).subarray(logged).toString();
    throw new Error(`${engine.name}: ${(error as Error).message}. Its log ends with:\n${lastLines(log)}`);
  }
}

function serverFlags(engine: Engine, dataFolder: string, socket: string, throwaway: boolean): string[] {
  const flags = [
    ...commonFlags(engine, dataFolder),
    "--skip-networking",
    `--socket=${socket}`,
    `--pid-file=${pidFile(dataFolder)}`,
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--max-allowed-packet=64M",
    "--innodb-buffer-pool-size=64M",
  ];
  if (engine.family === "mysql")
    flags.push("--loose-mysqlx=OFF", "--skip-log-bin", "--performance-schema=OFF", "--secure-file-priv=NULL");
  if (throwaway)
    flags.push("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--loose-debug-no-sync");
  return flags;
}

/** A socket in the data directory, or in a folder of its own where that name would be too long. */
async function chooseSocket(dataFolder: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = join(dataFolder, "my.sock");
  await rm(path, { force: true });
  if (Buffer.byteLength(path) <= SOCKET_PATH_LIMIT) return { path, remove: () => rm(path, { force: true }) };
  const folder = await mkdtemp(join(tmpdir(), "latchkey-"));
  return { path: join(folder, "my.sock"), remove: () => removeFolder(folder) };
}

/** Waits for a login: a socket file or an open port do not mean ready. @throws Error when it ends first or takes too long. */
export async function untilReady(
  child: { exited: Promise<number> },
  connection: ConnectionOptions,
  limit: number,
): Promise<void> {
  let ended: number | undefined;
  child.exited.then((code) => {
    ended = code;
  });
  const until = performance.now() + limit;
  for (let pause = 25; ; pause = Math.min(pause * 1.3, 250)) {
    try {
      const login = await createConnection({ ...connection, connectTimeout: 5_000 });
      await login.end();
      return;
    } catch (error) {
      if (ended !== undefined) throw new Error(`it ended with status ${ended} while starting`);
      if (performance.now() > until)
        throw new Error(
          `it was not ready after ${limit / 1000} s (${(error as NodeJS.ErrnoException).code})`,
        );
    }
    await Promise.race([Bun.sleep(pause), child.exited]);
  }
}
