import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { spawnServer } from "../../../src/runtime/localDatabase/process.ts";
import { untilReady } from "../../../src/runtime/localDatabase/server.ts";
import { HAPROXY } from "../haproxy.ts";
import { provideProgram } from "../programs.ts";

/** An account on a server on the loopback. */
export type Address = { host: string; port: number; user: string; password: string };

/**
 * Starts HAProxy in front of servers: the first gets everything, and when it is gone the next one does.
 * @param folder for its files, which is there
 * @param connection where it listens, and an account to try it with
 */
export async function startProxy(
  folder: string,
  connection: Address,
  nodes: Address[],
): Promise<{ exited: Promise<number>; stop: () => Promise<void> }> {
  const { path: program, env } = await provideProgram(["haproxy"], HAPROXY);
  const file = join(folder, "haproxy.cfg");
  const servers = nodes.map(
    ({ port }, i) => `  server node${i + 1} 127.0.0.1:${port} check${i === 0 ? "" : " backup"}`,
  );
  await writeFile(
    file,
    `global
  maxconn 2000
defaults
  mode tcp
  timeout connect 3s
  timeout client 1h
  timeout server 1h
listen galera
  bind 127.0.0.1:${connection.port}
  option mysql-check user haproxy
  default-server inter 1s fastinter 200ms fall 3 rise 2 on-marked-down shutdown-sessions
${servers.join("\n")}
`,
  );
  const child = await spawnServer([program, "-db", "-f", file], {
    env,
    logFile: join(folder, "haproxy.log"),
    path: undefined,
  });
  try {
    await untilReady(child, connection, 30_000);
  } catch (error) {
    await child.end();
    const log = await Bun.file(join(folder, "haproxy.log")).text();
    throw new Error(`HAProxy: ${(error as Error).message}\n${log}`);
  }
  child.nowServing();
  return { exited: child.exited, stop: () => child.end() };
}
