import type { Part } from "../support/bench.ts";
import { makeWorld } from "../support/database.ts";
import { drive, load, type Request } from "../support/driver.ts";
import { residentMib, startService } from "../support/servers.ts";
import { short } from "../support/statistics.ts";
import { smallWorld } from "../support/world.ts";

/** Resident memory after many requests of several kinds, 50 at once. */
export const memory: Part = async (bench) => {
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const { accessTokens, refreshTokens } = await smallWorld(world);
  const service = await startService(world.url);
  bench.after(service.stop);
  const paths: [string, string[]][] = [
    ["getUserList", accessTokens],
    ["getUser", accessTokens],
    ["refreshToken", refreshTokens],
    ["getSessionList", accessTokens],
  ];
  const requests = accessTokens.flatMap((_, i) =>
    paths.map(([path, tokens]): Request => ({ method: "GET", path: `/api/${path}`, token: tokens[i] ?? "" })),
  );
  const work = await load("memory", requests);
  const scale = bench.quick ? 0.1 : 1;
  const marks = [1_000, 100_000, 200_000, 300_000].map((mark) => mark * scale);
  const after: { mark: number; mib: number }[] = [];
  let sent = 0;
  for (const mark of marks) {
    while (sent < mark) sent += (await drive(service, work, { connections: 50, seconds: 1 })).requests;
    after.push({ mark: sent, mib: residentMib(service.pid) });
  }
  const mib = (i: number) => after[i]?.mib ?? Number.NaN;
  const detail = after
    .map((one) => `${short(one.mib)} MiB after ${one.mark.toLocaleString("en-US")}`)
    .join(", ");
  return [
    {
      work: `memory after ${marks[1]?.toLocaleString("en-US")} requests`,
      goal: "≤ 120 MiB",
      measured: `${short(mib(1))} MiB`,
      met: mib(1) <= 120,
      detail,
    },
    {
      work: "memory, flat from then on",
      goal: "≤ 5% more after three times as many",
      measured: `${short((mib(3) / mib(1) - 1) * 100)}%`,
      met: mib(3) <= mib(1) * 1.05,
      detail: "the same run",
    },
  ];
};
