import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { findAptTools, unpackWithApt } from "../../../src/runtime/localDatabase/apt.ts";
import { ownName, removeFolder, removeLeftovers } from "../../../src/runtime/localDatabase/files.ts";
import type { LocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import type { Report } from "../../../src/runtime/localDatabase/run.ts";
import { execute, type GaleraNode, type Ports, startNode, untilSynced } from "./galeraNode.ts";
import { type Address, startProxy } from "./haproxy.ts";

const ACCOUNT = { user: "test", password: "test-password" };
const NODES = 3;
const GALERA = { packages: ["galera-4"], program: "usr/lib/galera/libgalera_smm.so" };

export interface Cluster extends LocalDatabase {
  /** Every node, past the proxy. */
  nodes: Address[];
  /** The same, to break them. */
  members: GaleraNode[];
  /** Where the proxy listens: one place for each order of nodes that was asked for. */
  fronts: Address[];
}

/**
 * Three nodes on the loopback, and a proxy that sends all to the first, or to another when that one is gone.
 * @param orders of the nodes, by their number: one more place to listen at for each, which prefers them in that order
 * @param settings more of Galera's provider options
 */
export async function startGalera(
  dataFolder: string,
  report: Report,
  { orders = [[0, 1, 2]], settings = [] as string[] } = {},
): Promise<Cluster> {
  const provider = await findProvider(dataFolder, report);
  const ports = await freePorts(orders.length + NODES * 3);
  const fronts = ports.splice(0, orders.length).map(at);
  const nodePorts = Array.from({ length: NODES }, (_, i) => ports.slice(i * 3, i * 3 + 3) as Ports);
  const throwaway = join(dataFolder, "throwaway");
  await removeLeftovers(throwaway, "");
  const folder = join(throwaway, ownName());
  const stops: (() => Promise<void>)[] = [() => removeFolder(folder)];
  let stopping: Promise<void> | undefined;
  const stopAll = async () => {
    for (let stop = stops.pop(); stop; stop = stops.pop()) await stop();
  };
  try {
    await mkdir(folder, { recursive: true });
    const members = nodePorts.map(() => crypto.randomUUID());
    const group = { state: crypto.randomUUID(), members, ports: nodePorts, provider, settings };
    const starting = nodePorts.map(async (_, i) => {
      const node = await startNode(group, i, { dataFolder, folder: join(folder, `node${i + 1}`), report });
      stops.push(node.stop);
      return node;
    });
    await Promise.allSettled(starting); // when one fails, the others have ended by themselves or are in `stops`
    const nodes = await Promise.all(starting);
    for (const node of nodes) await untilSynced(node, NODES);
    const [first] = nodes as [GaleraNode];
    await execute(first, `CREATE USER ${ACCOUNT.user}@'%' IDENTIFIED BY '${ACCOUNT.password}'`);
    await execute(first, `GRANT ALL ON *.* TO ${ACCOUNT.user}@'%' WITH GRANT OPTION`);
    await execute(first, "CREATE USER haproxy@'%'"); // what its check logs in as; it may do nothing
    const addresses = nodePorts.map(([sql]) => at(sql));
    const listeners = fronts.map((front, i) => ({ front, order: orders[i] ?? [] }));
    const proxy = await startProxy(folder, listeners, addresses);
    stops.push(proxy.stop);
    return {
      engine: `Galera, ${NODES} nodes of ${first.engine}, behind HAProxy`,
      pid: undefined,
      connection: fronts[0] as Address,
      nodes: addresses,
      members: nodes,
      fronts,
      exited: Promise.race([proxy, ...nodes].map(({ exited }) => exited)),
      stop: () => {
        stopping ??= stopAll();
        return stopping;
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

const at = (port: number): Address => ({ host: "127.0.0.1", port, ...ACCOUNT });

/** Galera's library: the system's, or unpacked in the data folder. */
async function findProvider(dataFolder: string, report: Report): Promise<string> {
  const system = "/usr/lib/galera/libgalera_smm.so";
  if (existsSync(system)) return system;
  const copy = join(dataFolder, "galera");
  const unpacked = join(copy, GALERA.program);
  if (!existsSync(unpacked)) {
    const tools = findAptTools(undefined);
    if (!tools) throw new Error("galera-4 has to be installed where there is no apt");
    await unpackWithApt(copy, GALERA, tools, report);
  }
  return unpacked;
}

/** Ports that are free, all held at once so that none is given twice. */
async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
