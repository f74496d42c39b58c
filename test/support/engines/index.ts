import { type LocalDatabase, startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import type { Report } from "../../../src/runtime/localDatabase/run.ts";
import { startGalera } from "./galera.ts";
import type { Address } from "./haproxy.ts";
import { ROOM } from "./room.ts";

/** The server that the tests run on; `nodes` only on a cluster: each of its servers by itself. */
export interface TestServer extends LocalDatabase {
  nodes?: Address[];
}

/**
 * Starts a throwaway server: that of `bun run quickstart`, or what TEST_ENGINE names.
 * @param engine `mysql` or `galera`; see run.ts, which puts a `mysqld` on the PATH
 * @throws when it is another than was asked for
 */
export async function startEngine(
  engine: string | undefined,
  dataFolder: string,
  report: Report,
): Promise<TestServer> {
  if (engine === "galera") return startGalera(dataFolder, report);
  if (engine && engine !== "mysql") throw new Error(`TEST_ENGINE: there is no engine ${engine}`);
  const server = await startLocalDatabase({ folder: dataFolder, throwaway: true, flags: ROOM, report });
  if (engine === "mysql" && !server.engine.startsWith("MySQL")) {
    await server.stop();
    throw new Error(`TEST_ENGINE=mysql, and what the PATH has is ${server.engine}`);
  }
  return server;
}
