import { type Bench, type Part, perSecond, rates, ratioRow } from "../support/bench.ts";
import { makeWorld } from "../support/database.ts";
import { ask, drive, load, type Request } from "../support/driver.ts";
import { type Program, startNaive, startService, startStatic } from "../support/servers.ts";
import { alternate, spread } from "../support/statistics.ts";
import { smallWorld } from "../support/world.ts";

/** The service, the naive limit and the static answer, all up and warm, and a load of one path. */
async function prepared(bench: Bench, path: string) {
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const { accessTokens } = await smallWorld(world);
  const requests = accessTokens.map((token): Request => ({ method: "GET", path: `/api/${path}`, token }));
  const work = await load(path, requests);
  const service = await startService(world.url);
  const naive = await startNaive(world.url);
  const answer = await ask(service.origin, work.first);
  if ((await ask(naive.origin, work.first)) !== answer) throw new Error(`${path}: the naive answer differs`);
  const fixed = await startStatic(answer);
  const programs = { service, naive, static: fixed };
  for (const program of Object.values(programs)) {
    bench.after(program.stop);
    await drive(program, work, { connections: 50, seconds: bench.warmSeconds });
  }
  return { programs, work };
}

/** `GET /api/getUserList` of 20 users at 50 connections. */
export const list: Part = async (bench) => {
  const { measured, ours, naive, fixed } = await throughput(bench, "getUserList");
  return [
    ratioRow("`GET /api/getUserList`", ["≥", 2.5, "naive"], ours, naive, rates(measured)),
    ratioRow("`GET /api/getUserList`", ["≥", 0.25, "static"], ours, fixed, "the same runs"),
  ];
};

/** `GET /api/getUser` at 50 connections. */
export const user: Part = async (bench) => {
  const { measured, ours, naive } = await throughput(bench, "getUser");
  return [ratioRow("`GET /api/getUser`", ["≥", 3, "naive"], ours, naive, rates(measured))];
};

async function throughput(bench: Bench, path: string) {
  const { programs, work } = await prepared(bench, path);
  const { seconds } = bench;
  const turn = (program: Program) => () => drive(program, work, { connections: 50, seconds });
  const measured = await alternate(bench.rounds, {
    service: turn(programs.service),
    naive: turn(programs.naive),
    static: turn(programs.static),
  });
  const [ours, naive, fixed] = [measured.service, measured.naive, measured.static].map(perSecond);
  return { measured, ours: ours ?? [], naive: naive ?? [], fixed: fixed ?? [] };
}

/** The time of one request when there is no other. */
export const latency: Part = async (bench) => {
  const rows = [];
  for (const path of ["getUserList", "getUser"]) {
    const { programs, work } = await prepared(bench, path);
    const turn = (program: Program) => () => drive(program, work, { connections: 1, seconds: bench.seconds });
    const measured = await alternate(bench.rounds, {
      service: turn(programs.service),
      naive: turn(programs.naive),
    });
    const p50 = { ours: measured.service.map((m) => m.p50), naive: measured.naive.map((m) => m.p50) };
    const detail = `p50: service ${spread(p50.ours, " µs")}, naive ${spread(p50.naive, " µs")}`;
    rows.push(
      ratioRow(`one connection, \`GET /api/${path}\``, ["≤", 1.2, "naive"], p50.ours, p50.naive, detail),
    );
  }
  return rows;
};
