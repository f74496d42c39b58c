import { join } from "node:path";
import { type Part, perSecond, rates } from "../support/bench.ts";
import { makeWorld } from "../support/database.ts";
import { drive, load } from "../support/driver.ts";
import { type Program, startService } from "../support/servers.ts";
import { alternate, median, short } from "../support/statistics.ts";
import { workFolder } from "../support/tools.ts";
import { smallWorld } from "../support/world.ts";

/** What the request log costs: to nowhere, as everywhere else here, and to a file, against none. */
export const log: Part = async (bench) => {
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const { accessTokens } = await smallWorld(world);
  const work = await load(
    "log",
    accessTokens.map((token) => ({ method: "GET" as const, path: "/api/getUser", token })),
  );
  const silent = await startService(world.url, { LOG_LEVEL: "silent" });
  bench.after(silent.stop);
  const nowhere = await startService(world.url);
  bench.after(nowhere.stop);
  const file = await startService(world.url, {}, join(workFolder, "service.log"));
  bench.after(file.stop);
  const turn = (program: Program) => () => drive(program, work, { connections: 50, seconds: bench.seconds });
  for (const program of [silent, nowhere, file]) await turn(program)();
  const measured = await alternate(bench.rounds, {
    silent: turn(silent),
    nowhere: turn(nowhere),
    file: turn(file),
  });
  const share = (name: "nowhere" | "file") =>
    `${short(median(perSecond(measured[name])) / median(perSecond(measured.silent)))}×`;
  return [
    {
      work: "`GET /api/getUser` with the request log",
      goal: "",
      measured: `${share("nowhere")} to /dev/null, ${share("file")} to a file, of none`,
      detail: rates(measured),
    },
  ];
};
