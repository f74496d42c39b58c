import { type Part, perSecond, rates, ratioRow } from "../support/bench.ts";
import { fillUsers, makeWorld, resetSessions } from "../support/database.ts";
import { ask, drive, load, type Request } from "../support/driver.ts";
import { type Program, settled, startNaive, startService } from "../support/servers.ts";
import { alternate } from "../support/statistics.ts";
import { passwordHash, tokensFor, upTo } from "../support/tokens.ts";
import { USERS } from "../support/world.ts";

/** Sessions in the table, each for one rotation or logout of a turn, a second of it. */
const SESSIONS_A_SECOND = 20_000;

/** Refresh, rotate and logout at 50 connections, each request with a session of its own. */
export const sessions: Part = async (bench) => {
  const count = SESSIONS_A_SECOND * bench.seconds;
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  await fillUsers(world, USERS, await passwordHash());
  const refresh = await tokensFor("refresh", upTo(count), USERS);
  const access = await tokensFor("access", upTo(count), USERS);
  const requests = (tokens: string[], method: Request["method"], path: string): Request[] =>
    tokens.map((token) => ({ method, path, token }));
  const last = access.at(-1) ?? "";
  const works = {
    refresh: await load("refresh", requests(refresh, "GET", "/api/refreshToken")),
    rotate: await load("rotate", requests(refresh, "POST", "/api/rotateToken"), { once: true }),
    logout: await load("logout", requests(access, "POST", "/api/logout"), { once: true }),
  };
  const service = await startService(world.url);
  bench.after(service.stop);
  const naive = await startNaive(world.url);
  bench.after(naive.stop);

  const rows = [];
  for (const [name, work] of Object.entries(works)) {
    const shapes = [];
    for (const program of [service, naive]) {
      await resetSessions(world, count, USERS);
      shapes.push(shape(JSON.parse(await ask(program.origin, work.first))));
    }
    if (shapes[0] !== shapes[1])
      throw new Error(`${name}: the naive answer is ${shapes[1]}, not ${shapes[0]}`);
    const turn = (program: Program) => async () => {
      await resetSessions(world, count, USERS);
      const measured = await drive(program, work, { connections: 50, seconds: bench.seconds });
      await settled(program.pid, () =>
        fetch(`${program.origin}/api/getUser`, { headers: { Authorization: last } }),
      );
      return measured;
    };
    for (let warm = 0; warm < bench.warmSeconds; warm += bench.seconds) {
      await turn(service)();
      await turn(naive)();
    }
    const measured = await alternate(bench.rounds, { service: turn(service), naive: turn(naive) });
    const [ours, theirs] = [perSecond(measured.service), perSecond(measured.naive)];
    rows.push(ratioRow(name, ["≥", 0.8, "naive"], ours, theirs, rates(measured)));
  }
  return rows;
};

/** An answer without what differs each time: its tokens. */
const shape = (answer: object): string =>
  JSON.stringify(answer, (_, value) =>
    typeof value === "string" && value.startsWith("Bearer ") ? "Bearer …" : value,
  );
