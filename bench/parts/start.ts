import { freePort } from "../../test/support/haproxy.ts";
import type { Part, Row } from "../support/bench.ts";
import { makeWorld } from "../support/database.ts";
import { builtProgram } from "../support/program.ts";
import { baseEnvironment, PRODUCTION, script } from "../support/servers.ts";
import { alternate, median, short, spread } from "../support/statistics.ts";
import { workFolder } from "../support/tools.ts";

/** From the start of the process to its first answer, the database up and migrated: from source and built. */
export const start: Part = async (bench) => {
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const program = await builtProgram();
  const turn = (command: string[]) => () => firstAnswer(command, world.url);
  const measured = await alternate(bench.quick ? 3 : 15, {
    source: turn(script("src/index.ts")),
    program: turn([program]),
    nothing: turn(script("bench/programs/static.ts")),
  });
  const row = (work: string, starts: Start[], most?: number): Row => {
    const ms = starts.map((one) => one.ms);
    return {
      work: `start to first answer, ${work}`,
      goal: most ? `≤ ${most} ms` : "",
      measured: `${short(median(ms))} ms`,
      ...(most ? { met: median(ms) <= most } : {}),
      detail: `${spread(ms, " ms")}, ${spread(
        starts.map((one) => one.cpuMs),
        " ms CPU",
      )}`,
    };
  };
  return [
    row("from source", measured.source, 300),
    row("of the built program", measured.program, 120),
    row("of a bare Bun.serve", measured.nothing),
  ];
};

interface Start {
  ms: number;
  /** In user and kernel mode, of all its threads, until it was stopped right after the answer. */
  cpuMs: number;
}

async function firstAnswer(command: string[], databaseUrl: string): Promise<Start> {
  const port = freePort();
  const begin = performance.now();
  const child = Bun.spawn(command, {
    cwd: workFolder, // where no .env is read from
    env: {
      ...baseEnvironment(port),
      ...PRODUCTION,
      DATABASE_URL: databaseUrl,
    },
    stdio: ["ignore", "ignore", "ignore"],
  });
  let ms = 0;
  try {
    while (!(await answered(port))) {
      if (child.exitCode !== null || performance.now() - begin > 20_000)
        throw new Error(`${command.at(-1)} did not start`);
      await Bun.sleep(1); // polling without a pause would take one of few cores from what is measured
    }
    ms = performance.now() - begin;
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
  return { ms, cpuMs: Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000 };
}

/** Connects, asks and waits for the first bytes of the answer. */
const answered = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) =>
          void socket.write("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        data: (socket, bytes) => {
          resolve(bytes.toString().startsWith("HTTP/1.1 200"));
          socket.end();
        },
        close: () => resolve(false),
        error: () => resolve(false),
        connectError: () => resolve(false),
      },
    }).catch(() => resolve(false));
  });
