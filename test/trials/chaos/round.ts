import { createConnection, type RowDataPacket } from "mysql2/promise";
import type { Cluster } from "../../support/engines/galera.ts";
import { type GaleraNode, untilSynced } from "../../support/engines/galeraNode.ts";
import type { Address } from "../../support/engines/haproxy.ts";
import { over } from "../../support/process.ts";
import { client, findLost, findReusable, Tally } from "../load.ts";
import { type Instances, startInstances } from "./instances.ts";

const CLIENTS = 24;
/** How long what a fault brings about is looked at, at least, in ms: longer than errors may last. */
const WATCH_MS = 6_500;
/** How long errors may last after a fault, in ms. */
const LIMIT_MS = 5_000;

/** What one fault brought about. */
export interface Outcome {
  fault: string;
  tally: Tally;
  /** From the fault to the last answer that failed, in ms; 0 if none did. */
  errorsMs: number;
  tookMs: number;
}

/** Three instances on a cluster, each on a way of its own, and clients. @returns what was broken of the promises */
export async function round(
  cluster: Cluster,
  database: string,
  ways: Address[],
  report: (outcome: Outcome) => void,
): Promise<{ tally: Tally; broken: string[] }> {
  const instances = await startInstances(database, ways);
  const services = instances.running.map(over);
  const tally = new Tally(true);
  const broken: string[] = [];
  let running = true;
  const clients = Array.from({ length: CLIENTS }, () => client(services, tally, () => running));
  try {
    for (const [fault, strike] of faults(cluster, ways, instances)) {
      const before = { ...tally, wrong: [] };
      tally.slowestMs = 0;
      const begun = performance.now();
      await Promise.all([strike(), Bun.sleep(WATCH_MS)]);
      const seen = Object.assign(new Tally(), tally, {
        requests: tally.requests - before.requests,
        answered: tally.answered - before.answered,
        unavailable: tally.unavailable - before.unavailable,
        unanswered: tally.unanswered - before.unanswered,
        wrong: tally.wrong.splice(0),
      });
      const errorsMs = Math.max(0, tally.failedAt - begun);
      report({ fault, tally: seen, errorsMs, tookMs: performance.now() - begun });
      broken.push(...seen.wrong.map((what) => `${fault}: ${what}`));
      if (errorsMs > LIMIT_MS) broken.push(`${fault}: errors for ${Math.round(errorsMs)} ms`);
      if (seen.answered === 0) broken.push(`${fault}: nothing was answered`);
    }
    running = false;
    await Promise.all(clients);
    for (const [i, service] of services.entries())
      broken.push(...(await findLost(service, tally)).map((what) => `instance ${i + 1}: ${what}`));
    for (const [i, service] of services.entries())
      broken.push(...(await findReusable(service, tally)).map((what) => `instance ${i + 1}: ${what}`));
    broken.push(...(await differences(cluster, database)));
  } finally {
    running = false;
    await instances.end();
  }
  return { tally, broken };
}

type Fault = [name: string, strike: () => Promise<unknown>];

/** What is done, one after the other. The node is the one that the first instance uses at that moment. */
function* faults(cluster: Cluster, ways: Address[], instances: Instances): Generator<Fault> {
  yield ["none", async () => {}];
  let node: GaleraNode | undefined;
  const strike = async (signal: "SIGKILL" | "SIGSTOP") => {
    node = await usedBy(cluster, ways[0] as Address);
    node.signal(signal);
  };
  yield ["node killed", () => strike("SIGKILL")];
  yield ["… back", async () => node?.startAgain()];
  yield ["node frozen", () => strike("SIGSTOP")];
  yield [
    "… thawed",
    async () => {
      node?.signal("SIGCONT");
      if (node) await untilSynced(node, cluster.members.length);
    },
  ];
  yield ["instance killed", () => instances.kill(0)];
  yield ["… back", () => instances.start(0)];
  for (const index of ways.keys()) yield [`instance ${index + 1} restarted`, () => instances.restart(index)];
}

/** The node that a way to the database leads to. */
async function usedBy(cluster: Cluster, way: Address): Promise<GaleraNode> {
  const port = Number((await rowsOf(way, "SELECT @@port AS port"))[0]?.port);
  const node = cluster.members[cluster.nodes.findIndex((address) => address.port === port)];
  if (!node) throw new Error(`no node at ${port}`);
  return node;
}

/** Whether all nodes hold the same in the end. */
async function differences(cluster: Cluster, database: string): Promise<string[]> {
  const tables = ["user", "session", "revoked_tokens"].map((table) => `\`${database}\`.\`${table}\``);
  const sums = cluster.nodes.map(async (node) =>
    JSON.stringify(await rowsOf(node, `CHECKSUM TABLE ${tables.join()}`)),
  );
  return new Set(await Promise.all(sums)).size === 1 ? [] : ["the nodes differ"];
}

async function rowsOf(server: Address, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(server);
  try {
    await connection.query("SET SESSION wsrep_sync_wait = 15");
    return (await connection.query<RowDataPacket[]>(sql))[0];
  } finally {
    await connection.end();
  }
}
