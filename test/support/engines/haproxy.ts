import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { spawnServer } from "../../../src/runtime/localDatabase/process.ts";
import { untilReady } from "../../../src/runtime/localDatabase/server.ts";
import { HAPROXY } from "../haproxy.ts";
import { provideProgram } from "../programs.ts";

/** An account on a server on the loopback. */
export type Address = { host: string; port: number; user: string; password: string };

/** A place to listen at, with an account to try it with, and the servers behind it by their number, the preferred first. */
interface Listener {
  front: Address;
  order: number[];
}

/**
 * Starts HAProxy in front of servers: the first of an order gets everything, and when it is gone the next one does, and
 * keeps it when the first is back.
 * @param folder for its files, which is there
 */
export async function startProxy(
  folder: string,
  listeners: Listener[],
  nodes: Address[],
): Promise<{ exited: Promise<number>; stop: () => Promise<void> }> {
  const { path: program, env } = await provideProgram(["haproxy"], HAPROXY);
  const file = join(folder, "haproxy.cfg");
  const places = listeners.map(({ front, order }, i) => {
    const servers = order.map(
      (n, rank) => `  server node${n + 1} 127.0.0.1:${nodes[n]?.port} check${rank ? " backup" : ""}`,
    );
    return `listen galera${i + 1}
  bind 127.0.0.1:${front.port}
  option mysql-check user haproxy
  stick-table type integer size 1 nopurge
  stick on int(1)
${servers.join("\n")}
`;
  });
  await writeFile(
    file,
    `global
  maxconn 2000
defaults
  mode tcp
  timeout connect 3s
  timeout check 1s
  timeout client 1h
  timeout server 1h
  default-server inter 300ms fastinter 100ms fall 2 rise 2 on-marked-down shutdown-sessions
${places.join("")}`,
  );
  const child = await spawnServer([program, "-db", "-f", file], {
    env,
    logFile: join(folder, "haproxy.log"),
    path: undefined,
  });
  try {
    for (const { front } of listeners) await untilReady(child, front, 30_000);
  } catch (error) {
    await child.end();
    const log = await Bun.file(join(folder, "haproxy.log")).text();
    throw new Error(`HAProxy: ${(error as Error).message}\n${log}`);
  }
  child.nowServing();
  return { exited: child.exited, stop: () => child.end() };
}
