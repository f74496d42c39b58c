import { availableParallelism } from "node:os";
import { join } from "node:path";
import { freePort } from "../../test/support/haproxy.ts";
import type { Bench, Part, Row } from "../support/bench.ts";
import { makeWorld, usernameOf } from "../support/database.ts";
import { ask, drive, type Load, load, type Request } from "../support/driver.ts";
import { cpuTicks, PRODUCTION, type Program, ROOT, script, startProgram } from "../support/servers.ts";
import { alternate, median, short, spread } from "../support/statistics.ts";
import { BENCH_PASSWORD, upTo } from "../support/tokens.ts";
import { smallWorld, USERS } from "../support/world.ts";

/** One turn: the rate, and the CPU time that a request takes, µs, of the processes together and of the database. */
interface Turn {
  perSecond: number;
  cpu: number;
  databaseCpu: number;
}

/** One process against two that share the port, both from source: does it pay on this machine to run several? */
export const workers: Part = async (bench) => {
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const { accessTokens } = await smallWorld(world);
  const one = await together(1, world.url);
  const two = await together(2, world.url);
  for (const { stop } of [...one, ...two]) bench.after(stop);
  const get = (path: string) => accessTokens.map((token): Request => ({ method: "GET", path, token }));
  const login = upTo(USERS).map(
    (i): Request => ({
      method: "POST",
      path: "/api/login",
      body: { username: usernameOf(i), password: BENCH_PASSWORD },
    }),
  );
  const rows: Row[] = [];
  for (const [work, requests] of [
    ["`GET /api/getUser`", get("/api/getUser")],
    ["`GET /api/getUserList`", get("/api/getUserList")],
    ["login", login],
  ] as const) {
    const ready = await load("workers", [...requests]);
    const turn = (programs: Program[]) => () => measure(bench, programs, ready);
    await turn(one)();
    await turn(two)();
    const turns = await alternate(bench.rounds, { one: turn(one), two: turn(two) });
    const rate = (of: Turn[]) => of.map(({ perSecond }) => perSecond);
    const told = (of: Turn[]) =>
      `${spread(rate(of))}/s, ${short(median(of.map(({ cpu }) => cpu)))} µs CPU and ${short(median(of.map(({ databaseCpu }) => databaseCpu)))} µs of the database`;
    const [before, after] = [rate(turns.one), rate(turns.two)];
    rows.push({
      work: `${work}, 2 processes`,
      goal: "", // it is a question, not a promise
      measured: `${spread(
        after.map((figure, i) => figure / (before[i] ?? Number.NaN)),
        "×",
      )} 1 process`,
      detail: `1: ${told(turns.one)}; 2: ${told(turns.two)}`,
    });
  }
  return rows;
};

/** Processes on one port, that share the cores for hashing and the connections of one pool's size. */
async function together(count: number, databaseUrl: string): Promise<Program[]> {
  const port = freePort();
  const [bun = "", ...rest] = script("src/index.ts");
  const command = [bun, "--preload", join(ROOT, "bench/programs/reusePort.ts"), ...rest];
  const env = {
    ...PRODUCTION,
    DATABASE_URL: databaseUrl,
    PORT: String(port),
    DATABASE_POOL_SIZE: String(10 / count),
    HASH_CONCURRENCY: String(Math.max(1, Math.floor(availableParallelism() / count))),
  };
  const started = [];
  for (const i of upTo(count)) started.push(await startProgram(`worker-${count}-${i}`, { command, env }));
  return started;
}

async function measure({ server, seconds }: Bench, programs: Program[], work: Load): Promise<Turn> {
  const [first] = programs;
  if (!first || !server.pid) throw new Error("this part needs a database that is a process of this machine");
  const ticks = () => programs.reduce((sum, { pid }) => sum + cpuTicks(pid), 0);
  const [before, databaseBefore] = [ticks(), cpuTicks(server.pid)];
  const { perSecond, requests } = await drive(first, work, { connections: 50, seconds });
  const cpu = ((ticks() - before) * 10_000) / requests;
  const databaseCpu = ((cpuTicks(server.pid) - databaseBefore) * 10_000) / requests;
  for (const { origin } of programs) await ask(origin, work.first); // what wrk left behind is done by now
  return { perSecond, cpu, databaseCpu };
}
