import type { Pool } from "mysql2/promise";
// Not the package as a whole, which loads a gateway's HTTP client and more that every start would wait for.
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import Registry from "prom-client/lib/registry.js";
import type { GateDepth, GateObserver, ThrottleKind } from "../auth/observers.ts";
import { catalogue } from "../errors.ts";
import { watchProcess } from "./processMetrics.ts";
import type { PurgeObserver } from "./purgeTimer.ts";

/** Methods with a label of their own; whatever else a client thinks of is `other`. */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const WAIT_BUCKETS = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * The figures of this process for Prometheus, each described in docs/operations.md. Every label has a fixed set of
 * values: what a client sends never becomes one. Series known beforehand begin at 0, so that a first failure shows as a rise.
 */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const histogram = <L extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[] = [],
  ) => new Histogram({ name, help, buckets, labelNames, registers });

  const requests = histogram("http_request_duration_seconds", "Requests answered", REQUEST_BUCKETS, [
    "method",
    "route",
    "status",
  ]);
  const failures = counter("latchkey_failures_total", "Requests answered with a failure", ["code"]);
  for (const code of Object.keys(catalogue)) failures.inc({ code }, 0);
  const throttled = counter("latchkey_throttled_total", "Attempts refused as too many", ["kind"]);
  const kinds: ThrottleKind[] = ["login_account", "login_client", "registration"];
  for (const kind of kinds) throttled.inc({ kind }, 0);

  const gateWait = histogram("latchkey_hash_wait_seconds", "Time hashes waited for their turn", WAIT_BUCKETS);
  const gateRefusals = counter("latchkey_hash_refusals_total", "Hashes refused, too many waiting");
  const gate: GateObserver = {
    onWait: (seconds) => gateWait.observe(seconds),
    onRefusal: () => gateRefusals.inc(),
  };

  const runs = counter("latchkey_purge_runs_total", "Purges of expired rows", ["result"]);
  for (const result of ["done", "elsewhere", "failed"]) runs.inc({ result }, 0);
  const purgedRows = counter("latchkey_purge_rows_total", "Expired rows deleted");
  let purgedAt = 0;
  gauge("latchkey_purge_last_success_timestamp_seconds", "End of the last purge here", () => purgedAt);
  const purge: PurgeObserver = {
    onPurged(rows) {
      runs.inc({ result: rows === null ? "elsewhere" : "done" });
      if (rows === null) return;
      purgedRows.inc(rows);
      purgedAt = Date.now() / 1000;
    },
    onFailed: () => runs.inc({ result: "failed" }),
  };
  watchProcess(registry);

  return {
    gate,
    purge,
    onThrottled: (kind: ThrottleKind) => throttled.inc({ kind }),
    /** Counts an answered request; `route` must be one of a fixed set. */
    onRequest(
      {
        method,
        route,
        status,
        code,
      }: { method: string; route: string; status: number; code?: string | undefined },
      seconds: number,
    ): void {
      requests.observe({ method: METHODS.has(method) ? method : "other", route, status }, seconds);
      if (code !== undefined) failures.inc({ code });
    },
    watchGate(depth: () => GateDepth): void {
      gauge("latchkey_hash_running", "Hashes being worked on", () => depth().running);
      gauge("latchkey_hash_waiting", "Hashes waiting for their turn", () => depth().waiting);
    },
    /** Measures how long it takes to get a connection, and how many there are. */
    watchPool(pool: Pool): void {
      const wait = histogram("latchkey_pool_wait_seconds", "Time to get a connection", WAIT_BUCKETS);
      const core = pool.pool as unknown as PoolInside;
      const getConnection = core.getConnection.bind(core);
      core.getConnection = (callback) => {
        const askedAt = performance.now();
        getConnection((error, connection) => {
          wait.observe((performance.now() - askedAt) / 1000);
          callback(error, connection);
        });
      };
      const open = () => core._allConnections.length;
      const idle = () => core._freeConnections.length;
      gauge("latchkey_pool_connections_open", "Connections to the database", open);
      gauge("latchkey_pool_connections_idle", "Of these, waiting for work", idle);
      gauge("latchkey_pool_connections_in_use", "Of these, at work or being opened", () => open() - idle());
      gauge(
        "latchkey_pool_waiting",
        "Requests for a connection in the queue",
        () => core._connectionQueue.length,
      );
    },
    /** The answer to a scrape. */
    print: async () =>
      new Response(await registry.metrics(), { headers: { "Content-Type": registry.contentType } }),
  };
}

/** What mysql2 3.24.6 keeps to itself: it has no public count of its connections. */
interface PoolInside {
  getConnection(callback: (error: unknown, connection: unknown) => void): void;
  _allConnections: { length: number };
  _freeConnections: { length: number };
  _connectionQueue: { length: number };
}
