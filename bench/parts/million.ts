import { type Bench, type Part, type Row, ratioRow } from "../support/bench.ts";
import { fillUsers, makeWorld, resetSessions, type World } from "../support/database.ts";
import { ask } from "../support/driver.ts";
import { forgetPeak, peakMib, residentMib, startService } from "../support/servers.ts";
import { alternate, median, short, spread } from "../support/statistics.ts";
import { tokensFor } from "../support/tokens.ts";
import { tool } from "../support/tools.ts";

interface Listed {
  /** Milliseconds to the first byte of the body. */
  firstMs: number;
  rowsPerSecond: number;
  /** How much more memory the service had at its peak than before, MiB. */
  grownMib: number;
}

/** The list of a million users, whole: memory, first byte and rate, against the mariadb client reading the same rows. */
export const million: Part = async (bench) => {
  const count = bench.quick ? 100_000 : 1_000_000;
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  bench.report(`  filling ${count} users …`);
  await fillUsers(world, count, "-");
  await resetSessions(world, 1, 1);
  const [token = ""] = await tokensFor("access", [1], 1);
  // A database that takes longer than 3 s for a page of it stops the service's statement: that is a failure here.
  const service = await startService(world.url);
  bench.after(service.stop);
  await ask(service.origin, { method: "GET", path: "/api/getUser", token });
  const before = residentMib(service.pid);
  forgetPeak(service.pid);
  const bytes = await complete(service.origin, token, count);
  const first = peakMib(service.pid) - before;
  const measured = await alternate(Math.min(bench.rounds, 5), {
    service: () => listOnce(service, token, count, bytes),
    client: () => clientOnce(bench, world, count),
  });
  const { service: ours, client } = measured as { service: Listed[]; client: Listed[] };
  const rate = (runs: Listed[]) => runs.map((run) => run.rowsPerSecond);
  const grown = ours.map((run) => run.grownMib);
  const firstMs = ours.map((run) => run.firstMs);
  const work = `list of ${short(count)} users`;
  return [
    limit(
      `${work}: memory`,
      "< 64 MiB more",
      median(grown),
      64,
      spread(grown, " MiB"),
      `; the first list ${short(first)} MiB over the ${short(before)} MiB of the start`,
    ),
    limit(`${work}: first byte`, "< 100 ms", median(firstMs), 100, spread(firstMs, " ms")),
    ratioRow(
      `${work}: rate`,
      ["≥", 0.5, "mariadb client"],
      rate(ours),
      rate(client),
      `service ${spread(rate(ours))} rows/s, client ${spread(rate(client))} rows/s`,
    ),
  ];
};

const limit = (
  work: string,
  goal: string,
  value: number,
  most: number,
  measured: string,
  more = "",
): Row => ({
  work,
  goal,
  measured: short(value),
  met: value < most,
  detail: measured + more,
});

/** Reads the list once whole and looks at it. @returns its length in bytes */
async function complete(origin: string, token: string, count: number): Promise<number> {
  const text = await ask(origin, { method: "GET", path: "/api/getUserList", token });
  const { data } = JSON.parse(text) as { data: { id: number }[] };
  if (data.length !== count || data.at(-1)?.id !== count)
    throw new Error(`the list has ${data.length} users`);
  return Buffer.byteLength(text);
}

async function listOnce(
  { origin, pid }: { origin: string; pid: number },
  token: string,
  count: number,
  expected: number,
): Promise<Listed> {
  const before = residentMib(pid);
  forgetPeak(pid);
  const begin = performance.now();
  const response = await fetch(`${origin}/api/getUserList`, { headers: { Authorization: token } });
  let firstMs = 0;
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    firstMs ||= performance.now() - begin;
    bytes += chunk.length;
  }
  const seconds = (performance.now() - begin) / 1000;
  if (response.status !== 200 || bytes !== expected) throw new Error(`${response.status}, ${bytes} bytes`);
  return { firstMs, rowsPerSecond: count / seconds, grownMib: peakMib(pid) - before };
}

/** The same rows by the mariadb client, which prints them as they come, to nowhere. */
async function clientOnce({ server }: Bench, { target }: World, count: number): Promise<Listed> {
  const { path, env } = await tool("mariadb");
  if (!("socketPath" in server.connection)) throw new Error("this part needs a database on a socket");
  const sql = "SELECT id, username, created_at, updated_at FROM user ORDER BY id";
  const account = [`--socket=${server.connection.socketPath}`, `--user=${server.connection.user}`];
  const begin = performance.now();
  const options = ["--no-defaults", ...account, "--quick", "-N", "-e", sql, target.database];
  const child = Bun.spawn([path, ...options], { env, stdio: ["ignore", Bun.file("/dev/null"), "inherit"] });
  if ((await child.exited) !== 0) throw new Error("the mariadb client failed");
  return { firstMs: 0, rowsPerSecond: count / ((performance.now() - begin) / 1000), grownMib: 0 };
}
