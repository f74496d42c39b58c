import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { commonFlags, temporaryTables } from "../../../src/runtime/localDatabase/engine.ts";
import { findEngine } from "../../../src/runtime/localDatabase/find.ts";
import { type LocalDatabase, startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import { type Report, run } from "../../../src/runtime/localDatabase/run.ts";
import { until } from "../until.ts";
import { ROOM } from "./room.ts";

/** Of one node: for SQL, for the group, for transfers of state. */
export type Ports = [sql: number, group: number, transfer: number];

/** What the nodes of a group have in common. */
interface Group {
  /** The id of the data that all begin with. */
  state: string;
  members: string[];
  ports: Ports[];
  /** Galera's library. */
  provider: string;
  settings: string[];
}

/** One server of a cluster, which may be broken and brought back. */
export interface GaleraNode extends LocalDatabase {
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void;
  /** Waits for its end, starts it on its data and waits until it has caught up with the others. */
  startAgain(): Promise<void>;
}

/** Made anew for each run, so a commit need not wait for the disk. */
const NOT_DURABLE = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--loose-debug-no-sync"];

/**
 * Starts a node. All are told that they hold the same state, so at first none has to be transferred, and later only what
 * was missed.
 * @param folder for its data, made when missing
 */
export async function startNode(
  group: Group,
  index: number,
  { dataFolder, folder, report }: { dataFolder: string; folder: string; report: Report },
): Promise<GaleraNode> {
  const data = join(folder, "data");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "grastate.dat"), stateFile(group.state));
  await writeFile(join(folder, "gvwstate.dat"), viewFile(group.members, index));
  const own = flags(group, index, folder);
  const start = (position: string) =>
    startLocalDatabase({
      folder: dataFolder,
      dataFolder: data,
      report,
      flags: [...NOT_DURABLE, ...ROOM, ...own, `--wsrep-start-position=${position}`],
      env: { PATH: `${import.meta.dir}:/usr/bin:/bin` }, // for wsrep_sst_missed
    });
  let server = await start(`${group.state}:0`);
  return {
    engine: server.engine,
    get pid() {
      return server.pid;
    },
    connection: server.connection,
    get exited() {
      return server.exited;
    },
    stop: () => server.stop(),
    signal: (name) => {
      if (server.pid !== undefined) process.kill(server.pid, name);
    },
    async startAgain() {
      await server.exited;
      await server.stop();
      await rm(join(folder, "gvwstate.dat"), { force: true }); // it is to join the group that there is
      const position = await recoverPosition(dataFolder, data, own);
      await writeFile(join(folder, "position"), `${position}\n`);
      server = await start(position);
      await untilSynced(server, group.ports.length);
    },
  };
}

function flags({ ports, provider, settings }: Group, index: number, folder: string): string[] {
  const [sql, group, transfer] = ports[index] as Ports;
  const provided = [
    `base_port=${group}`,
    `gmcast.listen_addr=tcp://127.0.0.1:${group}`,
    `ist.recv_addr=127.0.0.1:${transfer}`,
    "gcache.size=64M",
    ...settings,
  ];
  return [
    ...["--skip-networking=0", "--bind-address=127.0.0.1", `--port=${sql}`],
    ...["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON"],
    `--wsrep-provider=${provider}`,
    `--wsrep-provider-options=${provided.join(";")}`,
    `--wsrep-cluster-address=gcomm://${ports.map(([, other]) => `127.0.0.1:${other}`)}`,
    `--wsrep-node-address=127.0.0.1:${group}`,
    `--wsrep-data-home-dir=${folder}`,
    "--wsrep-sst-method=missed",
  ];
}

/** What a node that was stopped leaves behind of its data's state: here, that all have the same and no change yet. */
function stateFile(uuid: string): string {
  return `# GALERA saved state\nversion: 2.1\nuuid: ${uuid}\nseqno: 0\nsafe_to_bootstrap: 0\n`;
}

/** What a node leaves behind of the group it was in. When all of its members are there again, the group forms by itself. */
function viewFile(members: string[], own: number): string {
  const lines = members.map((uuid) => `member: ${uuid} 0`).join("\n");
  return `my_uuid: ${members[own]}\n#vwbeg\nview_id: 3 ${members[0]} 1\nbootstrap: 0\n${lines}\n#vwend\n`;
}

/** The last change that a node's data has, which one that was killed has written nowhere else. */
async function recoverPosition(folder: string, data: string, clusterFlags: string[]): Promise<string> {
  const engine = await findEngine({
    folder,
    shown: folder,
    path: undefined,
    family: "mariadb",
    report: () => {},
  });
  if (Array.isArray(engine)) throw new Error(engine.join());
  await mkdir(temporaryTables(data), { recursive: true });
  const recover = [...clusterFlags, "--skip-networking", "--socket=recover.sock", "--wsrep-recover"];
  const command = [engine.binary, ...commonFlags(engine, data), ...recover];
  const said = await run(command, { env: engine.env });
  const position = /Recovered position: *(\S+)/.exec(said.stderr + said.stdout)?.[1];
  if (!position) throw new Error(`no position in ${said.stderr}`);
  return position;
}

/** Runs a statement on a server, which need not be part of a cluster yet. */
export async function execute(server: LocalDatabase, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(server.connection);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows;
  } finally {
    await connection.end();
  }
}

/** Waits until a node sees all the others and may be asked. */
export async function untilSynced(node: LocalDatabase, nodes: number): Promise<void> {
  let seen = {};
  const synced = async () => {
    // It waits for the others to answer: one that was frozen does not know yet that it is out.
    const rows = await execute(node, "SET STATEMENT wsrep_sync_wait = 1 FOR SHOW STATUS LIKE 'wsrep\\_%'");
    const status = Object.fromEntries(rows.map(({ Variable_name, Value }) => [Variable_name, Value]));
    seen = [status.wsrep_cluster_size, status.wsrep_local_state_comment, status.wsrep_ready].join();
    return seen === `${nodes},Synced,ON`;
  };
  await until(synced, () => `a node does not join: ${seen}`, node.exited);
}
