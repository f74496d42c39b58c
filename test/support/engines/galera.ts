import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { findAptTools, unpackWithApt } from "../../../src/runtime/localDatabase/apt.ts";
import { ownName, removeFolder } from "../../../src/runtime/localDatabase/files.ts";
import { type LocalDatabase, startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import type { Report } from "../../../src/runtime/localDatabase/run.ts";
import { until } from "../until.ts";
import { type Address, startProxy } from "./haproxy.ts";

const ACCOUNT = { user: "test", password: "test-password" };
const NODES = 3;
const GALERA = { packages: ["galera-4"], program: "usr/lib/galera/libgalera_smm.so" };

export interface Cluster extends LocalDatabase {
  /** Every node, past the proxy. */
  nodes: Address[];
}

/** Three nodes on the loopback, and a proxy that sends all to the first, or to another when that one is gone. */
export async function startGalera(dataFolder: string, report: Report): Promise<Cluster> {
  const provider = await findProvider(dataFolder, report);
  const [proxyPort = 0, ...ports] = await freePorts(1 + NODES * 3);
  const nodePorts = Array.from({ length: NODES }, (_, i) => ports.slice(i * 3, i * 3 + 3) as Ports);
  const folder = join(dataFolder, "throwaway", ownName());
  const stops: (() => Promise<void>)[] = [() => removeFolder(folder)];
  let stopping: Promise<void> | undefined;
  const stopAll = async () => {
    for (let stop = stops.pop(); stop; stop = stops.pop()) await stop();
  };
  try {
    const nodes = await startNodes(nodePorts, provider, { dataFolder, folder, report }, stops);
    const [first] = nodes as [LocalDatabase];
    await execute(first, `CREATE USER ${ACCOUNT.user}@'%' IDENTIFIED BY '${ACCOUNT.password}'`);
    await execute(first, `GRANT ALL ON *.* TO ${ACCOUNT.user}@'%' WITH GRANT OPTION`);
    await execute(first, "CREATE USER haproxy@'%'"); // what its check logs in as; it may do nothing
    const at = (port: number): Address => ({ host: "127.0.0.1", port, ...ACCOUNT });
    const addresses = nodePorts.map(([sql]) => at(sql));
    const proxy = await startProxy(folder, at(proxyPort), addresses);
    stops.push(proxy.stop);
    return {
      engine: `Galera, ${NODES} nodes of ${first.engine}, behind HAProxy`,
      pid: undefined,
      connection: at(proxyPort),
      nodes: addresses,
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

/** Of one node: for SQL, for the group, for transfers of state. */
type Ports = [sql: number, group: number, transfer: number];

/**
 * Starts the nodes all at once and waits until they are a group; `stops` gets what ends each. All are copies of one data
 * directory and are told that they hold the same state, so none has to be transferred.
 */
async function startNodes(
  ports: Ports[],
  provider: string,
  { dataFolder, folder, report }: { dataFolder: string; folder: string; report: Report },
  stops: (() => Promise<void>)[],
): Promise<LocalDatabase[]> {
  const members = ports.map(() => crypto.randomUUID());
  const state = crypto.randomUUID();
  const starting = ports.map(async ([sql, group, transfer], i) => {
    const home = join(folder, `node${i + 1}`);
    await mkdir(home, { recursive: true });
    await writeFile(join(home, "gvwstate.dat"), viewFile(members, i));
    const provided = [
      `base_port=${group}`,
      `gmcast.listen_addr=tcp://127.0.0.1:${group}`,
      `ist.recv_addr=127.0.0.1:${transfer}`,
      "gcache.size=16M",
    ];
    const node = await startLocalDatabase({
      folder: dataFolder,
      throwaway: true,
      report,
      flags: [
        ...["--skip-networking=0", "--bind-address=127.0.0.1", `--port=${sql}`],
        ...["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON"],
        `--wsrep-provider=${provider}`,
        `--wsrep-provider-options=${provided.join(";")}`,
        `--wsrep-cluster-address=gcomm://${ports.map(([, other]) => `127.0.0.1:${other}`)}`,
        `--wsrep-node-address=127.0.0.1:${group}`,
        `--wsrep-data-home-dir=${home}`,
        `--wsrep-start-position=${state}:0`,
        "--wsrep-sst-method=skip",
      ],
    });
    stops.push(node.stop);
    return node;
  });
  await Promise.allSettled(starting); // when one fails, the others have ended by themselves or are in `stops`
  const nodes = await Promise.all(starting);
  for (const node of nodes) await untilSynced(node);
  return nodes;
}

/** What a node leaves behind of the group it was in. When all of its members are there again, the group forms by itself. */
function viewFile(members: string[], own: number): string {
  const lines = members.map((uuid) => `member: ${uuid} 0`).join("\n");
  return `my_uuid: ${members[own]}\n#vwbeg\nview_id: 3 ${members[0]} 1\nbootstrap: 0\n${lines}\n#vwend\n`;
}

/** Runs a statement on a server, which need not be part of a cluster yet. */
async function execute(server: LocalDatabase, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(server.connection);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

/** Waits until a node sees all the others and may be asked. */
async function untilSynced(node: LocalDatabase): Promise<void> {
  let seen = {};
  const synced = async () => {
    const rows = await execute(node, "SHOW STATUS LIKE 'wsrep\\_%'");
    const status = Object.fromEntries(rows.map(({ Variable_name, Value }) => [Variable_name, Value]));
    seen = [status.wsrep_cluster_size, status.wsrep_local_state_comment, status.wsrep_ready].join();
    return seen === `${NODES},Synced,ON`;
  };
  await until(synced, () => `a node does not join: ${seen}`, node.exited);
}

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
