import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../test/support/haproxy.ts";
import { builtProgram } from "./program.ts";
import { BENCH_SECRET } from "./tokens.ts";
import { workFolder } from "./tools.ts";

export const ROOT = join(import.meta.dir, "..", "..");

/** A server process of a run. */
export interface Program {
  name: string;
  origin: string;
  pid: number;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** What is run. */
  command: string[];
  env: Record<string, string>;
  /** Where its output goes; the request log of the service is there. */
  output?: string;
}

/** What every program's environment has; nothing of ours but this. */
export const baseEnvironment = (port: number) => ({
  PATH: process.env.PATH ?? "",
  HOME: process.env.HOME ?? "",
  PORT: String(port),
  JWT_SECRET_KEY: BENCH_SECRET,
});

/** Starts a program on a free port and waits for its first answer. @throws Error if it ends or is silent for 20 s */
export async function startProgram(name: string, options: ProgramOptions): Promise<Program> {
  const port = Number(options.env.PORT ?? freePort());
  mkdirSync(workFolder, { recursive: true });
  const errors = join(workFolder, `${name}.stderr`);
  const child = Bun.spawn(options.command, {
    cwd: workFolder, // where no .env is read from
    env: { ...baseEnvironment(port), ...options.env },
    stdio: ["ignore", openSync(options.output ?? "/dev/null", "w"), openSync(errors, "w")],
  });
  const origin = `http://127.0.0.1:${port}`;
  const until = performance.now() + 20_000;
  while (!(await answers(origin))) {
    if (child.exitCode !== null || performance.now() > until) {
      child.kill("SIGKILL");
      throw new Error(`${name} did not start: ${readFileSync(errors, "utf8").slice(-2000)}`);
    }
    await Bun.sleep(10);
  }
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await child.exited;
    clearTimeout(timer);
  };
  return { name, origin, pid: child.pid, stop };
}

const answers = (origin: string): Promise<boolean> =>
  fetch(`${origin}/livez`).then(
    (response) => response.ok,
    () => false,
  );

/** Runs a script of the checkout. */
export const script = (path: string) => [process.execPath, "--no-env-file", join(ROOT, path)];

/** What the image sets beside the address. */
export const PRODUCTION = {
  NODE_ENV: "production",
  BUN_JSC_forceRAMSize: String(2 ** 30),
};

/** The service as it is run in production: the built program, its request log at `info` to /dev/null. */
export const startService = async (
  databaseUrl: string,
  env: Record<string, string> = {},
  output = "/dev/null",
) =>
  startProgram("service", {
    command: [await builtProgram()],
    env: { ...PRODUCTION, DATABASE_URL: databaseUrl, ...env },
    output,
  });

export const startNaive = (databaseUrl: string) =>
  startProgram("naive", { command: script("bench/programs/naive.ts"), env: { DATABASE_URL: databaseUrl } });

/** @param answer the body that it gives to everything */
export const startStatic = (answer: string) =>
  startProgram("static", { command: script("bench/programs/static.ts"), env: { ANSWER: answer } });

/**
 * Waits until a process rests: at most 5% of a core in each of three looks, 200 ms apart. wrk leaves requests behind
 * whose answers nobody waits for, and their work must not fall into what is measured next.
 * @param last sends a request that queues behind them; on a machine with more to do, resting may be waiting for its turn
 * @throws Error after 60 s
 */
export async function settled(pid: number, last: () => Promise<unknown>): Promise<void> {
  const until = performance.now() + 60_000;
  for (let looks = 0; looks < 3; ) {
    if (performance.now() > until) throw new Error(`process ${pid} does not come to rest`);
    await last();
    const before = cpuTicks(pid);
    await Bun.sleep(200);
    looks = cpuTicks(pid) <= before + 1 ? looks + 1 : 0;
  }
}

/** CPU time of a process in ticks, 10 ms each (proc(5), fields 14 and 15 of stat). */
export function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Resident memory of a process in MiB, from /proc. */
export const residentMib = (pid: number): number => statusMib(pid, "VmRSS");

/** The most it had since `forgetPeak`, in MiB. */
export const peakMib = (pid: number): number => statusMib(pid, "VmHWM");

/** Starts the peak of a process anew (proc(5), clear_refs). */
export const forgetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");

function statusMib(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
