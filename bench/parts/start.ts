import { join } from "node:path";
import { run } from "../../src/runtime/localDatabase/run.ts";
import type { Part, Row } from "../support/bench.ts";
import { makeWorld } from "../support/database.ts";
import { baseEnvironment, freePort, ROOT } from "../support/servers.ts";
import { alternate, median, short, spread } from "../support/statistics.ts";
import { workFolder } from "../support/tools.ts";

/** From the start of the process to its first answer, the database up and migrated: from source and bundled. */
export const start: Part = async (bench) => {
  const world = await makeWorld(bench.server, `bench_${crypto.randomUUID().slice(0, 8)}`);
  const bundle = await built("index.js", []);
  const bytecode = await built("bytecode.js", ["--bytecode", "--format=cjs"]);
  const turn = (script: string) => () => firstAnswerMs(script, world.url);
  const measured = await alternate(bench.quick ? 3 : 10, {
    source: turn("src/index.ts"),
    bundle: turn(bundle),
    bytecode: turn(bytecode),
    nothing: turn("bench/programs/static.ts"),
  });
  const row = (work: string, ms: number[], most?: number): Row => ({
    work: `start to first answer, ${work}`,
    goal: most ? `≤ ${most} ms` : "",
    measured: `${short(median(ms))} ms`,
    ...(most ? { met: median(ms) <= most } : {}),
    detail: spread(ms, " ms"),
  });
  return [
    row("from source", measured.source, 300),
    row("from the bundle", measured.bundle, 120),
    row("from the bundle with bytecode", measured.bytecode, 120),
    row("a bare Bun.serve", measured.nothing),
  ];
};

/** Bundles the service. Two folders below the root, since that is where it looks for the migrations. */
async function built(name: string, options: string[]): Promise<string> {
  const file = join(workFolder, name);
  const folder = ["--outdir", workFolder, `--entry-naming=${name}`];
  const command = [
    process.execPath,
    "build",
    "src/index.ts",
    "--target=bun",
    "--minify",
    ...folder,
    ...options,
  ];
  const made = await run(command, { cwd: ROOT });
  if (!made.ok) throw new Error(`bun build ${options.join(" ")}: ${made.stderr}`);
  return file;
}

async function firstAnswerMs(script: string, databaseUrl: string): Promise<number> {
  const port = freePort();
  const begin = performance.now();
  const child = Bun.spawn([process.execPath, "--no-env-file", script], {
    cwd: ROOT,
    env: {
      ...baseEnvironment(port),
      NODE_ENV: "production",
      UV_THREADPOOL_SIZE: "16",
      DATABASE_URL: databaseUrl,
    },
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    while (!(await answered(port))) {
      if (child.exitCode !== null || performance.now() - begin > 20_000)
        throw new Error(`${script} did not start`);
      await Bun.sleep(1); // polling without a pause would take one of few cores from what is measured
    }
    return performance.now() - begin;
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
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
