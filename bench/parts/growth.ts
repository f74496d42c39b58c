import { CHEAP_ENV, UNLIMITED } from "../../test/support/app.ts";
import { type Bench, type Part, ratioRow } from "../support/bench.ts";
import {
  fillRevoked,
  fillSessions,
  fillUsers,
  makeWorld,
  usernameOf,
  type World,
} from "../support/database.ts";
import { ask, type Request } from "../support/driver.ts";
import { startService } from "../support/servers.ts";
import { median, spread } from "../support/statistics.ts";
import { BENCH_PASSWORD, passwordHash, tokensFor, upTo } from "../support/tokens.ts";

/** How many users and sessions; every session is another user's. */
const SMALL = { users: 1_000, revoked: 1_000 };
const BIG = { users: 1_000_000, revoked: 5_000_000 };

/** Users that ask, spread evenly over all; those of a rotation or a logout do it once. */
const SLOTS = 1_000;
const ONCE_PER_ROUND = 50;
const PER_ROUND = 150;
const ROUNDS = 7;

interface Side {
  origin: string;
  refresh: string[];
  access: string[];
  /** The number of the user, and of the session, behind a slot. */
  user: (slot: number) => number;
}

/** How the time of each endpoint grows with the tables, one request at a time, both sides in turn. */
export const growth: Part = async (bench) => {
  const small = await side(bench, SMALL);
  const big = await side(bench, bench.quick ? { users: 100_000, revoked: 500_000 } : BIG);
  const rows = [];
  for (const [name, endpoint] of Object.entries(endpoints)) {
    const measured = await compare(endpoint, small, big);
    const detail = `1,000 of each: ${spread(measured.small, " µs")}, big: ${spread(measured.big, " µs")}`;
    const goal: ["≤", number, string] = ["≤", 1.2, "at 1,000 of each"];
    rows.push(ratioRow(`growth: ${name}`, goal, measured.big, measured.small, detail));
  }
  return rows;
};

/** The median time of a request, µs, in each of some rounds. The sides take turns with each request. */
async function compare({ once, request }: Endpoint, small: Side, big: Side) {
  const measured = { small: [] as number[], big: [] as number[] };
  let used = once ?? 0; // slots behind it were never used
  const rounds = once === undefined ? ROUNDS + 1 : ROUNDS;
  for (let round = 0; round < rounds; round++) {
    const times = { small: [] as number[], big: [] as number[] };
    for (let i = 0; i < (once === undefined ? PER_ROUND : ONCE_PER_ROUND); i++) {
      const slot = once === undefined ? i : used++;
      times.small.push(await timed(small, request(small, slot)));
      times.big.push(await timed(big, request(big, slot)));
    }
    if (once === undefined && round === 0) continue; // to get warm
    measured.small.push(median(times.small));
    measured.big.push(median(times.big));
  }
  return measured;
}

async function timed({ origin }: Side, request: Request): Promise<number> {
  const begin = performance.now();
  await ask(origin, request);
  return (performance.now() - begin) * 1000;
}

async function side(bench: Bench, { users, revoked }: typeof SMALL): Promise<Side> {
  const world: World = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const begin = performance.now();
  await fillUsers(world, users, await passwordHash(8, 1));
  await fillSessions(world, users, users);
  await fillRevoked(world, revoked);
  await world.connection.query("ANALYZE TABLE user, session, revoked_tokens");
  const seconds = Math.round((performance.now() - begin) / 1000);
  bench.report(`  filled ${users} users, ${users} sessions, ${revoked} revoked tokens in ${seconds} s`);
  const service = await startService(world.url, { ...CHEAP_ENV, ...UNLIMITED }); // at its real price the hash would hide the database
  bench.after(service.stop);
  const user = (slot: number) => 1 + slot * (users / SLOTS);
  const numbers = upTo(SLOTS).map((i) => user(i - 1));
  const access = await tokensFor("access", numbers, users);
  const refresh = await tokensFor("refresh", numbers, users);
  return { origin: service.origin, access, refresh, user };
}

/** `once`: the slot from which on each is used once. */
interface Endpoint {
  once?: number;
  request: (side: Side, slot: number) => Request;
}

const get =
  (path: string, kind: "access" | "refresh" = "access") =>
  (side: Side, slot: number): Request => ({
    method: "GET",
    path: `/api/${path}`,
    token: side[kind][slot] ?? "",
  });

let names = 0;
const endpoints: Record<string, Endpoint> = {
  getUser: { request: get("getUser") },
  "getUserList, a page of 20": {
    request: (side, slot) => get(`getUserList?limit=20&after=${side.user(slot)}`)(side, slot),
  },
  getSessionList: { request: get("getSessionList") },
  refreshToken: { request: get("refreshToken", "refresh") },
  changePassword: {
    request: (side, slot) => ({
      method: "POST",
      path: "/api/changePassword",
      token: side.access[slot] ?? "",
      body: { password: BENCH_PASSWORD, newPassword: BENCH_PASSWORD },
    }),
  },
  rotateToken: {
    once: 200,
    request: (side, slot) => ({ method: "POST", path: "/api/rotateToken", token: side.refresh[slot] ?? "" }),
  },
  logout: {
    once: 600,
    request: (side, slot) => ({ method: "POST", path: "/api/logout", token: side.access[slot] ?? "" }),
  },
  "login (cheap hash)": {
    request: (side, slot) => ({
      method: "POST",
      path: "/api/login",
      body: { username: usernameOf(side.user(slot)), password: BENCH_PASSWORD },
    }),
  },
  "register (cheap hash)": {
    request: () => ({
      method: "POST",
      path: "/api/register",
      body: { username: `new-${crypto.randomUUID().slice(0, 8)}-${++names}`, password: BENCH_PASSWORD },
    }),
  },
};
