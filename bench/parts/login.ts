import { join } from "node:path";
import { type Part, ratioRow } from "../support/bench.ts";
import { makeWorld, usernameOf } from "../support/database.ts";
import { ask, drive, load } from "../support/driver.ts";
import { ROOT, settled, startService } from "../support/servers.ts";
import { alternate, spread } from "../support/statistics.ts";
import { BENCH_PASSWORD, passwordHash, upTo } from "../support/tokens.ts";
import { smallWorld, USERS } from "../support/world.ts";

/** Logins against password checks with nothing around them, and how long a token's check takes meanwhile. */
export const login: Part = async (bench) => {
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const { accessTokens } = await smallWorld(world);
  const service = await startService(world.url);
  bench.after(service.stop);
  const logins = await load(
    "login",
    upTo(USERS).map((i) => ({
      method: "POST" as const,
      path: "/api/login",
      body: { username: usernameOf(i), password: BENCH_PASSWORD },
    })),
  );
  const checks = await load(
    "check",
    accessTokens.map((token) => ({ method: "GET" as const, path: "/api/getUser", token })),
  );
  const stored = await passwordHash();
  // A turn begins 50 logins that it does not end, and their beginnings count against it: it must be long beside that.
  const seconds = Math.max(8, bench.seconds);
  const flood = async (seconds: number) => {
    const measured = await drive(service, logins, { connections: 50, seconds });
    await ask(service.origin, logins.first); // hashes are made in the order in which they are asked for
    await settled(service.pid, async () => {});
    return measured;
  };
  const probe = () => drive(service, checks, { connections: 1, seconds });
  const during = async (load: () => Promise<unknown>) => {
    const flooding = load();
    await Bun.sleep(700); // until it is at full rate
    const probed = await probe();
    await flooding;
    return probed;
  };
  await drive(service, checks, { connections: 50, seconds: bench.warmSeconds });
  await flood(bench.warmSeconds);
  const measured = await alternate(bench.rounds, {
    logins: async () => (await flood(seconds)).perSecond,
    verify: () => rawVerify(stored, seconds),
    idle: async () => (await probe()).p99,
    meanwhile: async () => (await during(() => flood(seconds + 2))).p99,
    // The same check while another process takes both cores: what the machine allows.
    beside: async () => (await during(() => rawVerify(stored, seconds + 2))).p99,
  });
  const { logins: ours, verify, idle, meanwhile, beside } = measured;
  return [
    ratioRow(
      "login",
      ["≥", 0.95, "raw verify"],
      ours,
      verify,
      `service ${spread(ours)}/s, \`Bun.password.verify\` ${spread(verify)}/s`,
    ),
    ratioRow(
      "token check during logins, p99",
      ["≤", 3, "idle"],
      meanwhile,
      idle,
      `idle ${spread(idle, " µs")}, during logins ${spread(meanwhile, " µs")}; beside raw verify in another process ${spread(beside, " µs")}`,
    ),
  ];
};

async function rawVerify(stored: string, seconds: number): Promise<number> {
  const child = Bun.spawn([process.execPath, "--no-env-file", join(ROOT, "bench/programs/verify.ts")], {
    env: { PATH: process.env.PATH ?? "", STORED: stored, PASSWORD: BENCH_PASSWORD, SECONDS: String(seconds) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = await new Response(child.stdout).text();
  return JSON.parse(said).perSecond;
}
