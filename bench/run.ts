import { availableParallelism, cpus } from "node:os";
import { growth } from "./parts/growth.ts";
import { log } from "./parts/log.ts";
import { login } from "./parts/login.ts";
import { memory } from "./parts/memory.ts";
import { million } from "./parts/million.ts";
import { latency, list, user } from "./parts/reads.ts";
import { sessions } from "./parts/sessions.ts";
import { start } from "./parts/start.ts";
import { workers } from "./parts/workers.ts";
import type { Bench, Part, Row } from "./support/bench.ts";
import { startServer } from "./support/database.ts";
import { table } from "./support/table.ts";

const parts: Record<string, Part> = {
  list,
  user,
  latency,
  login,
  sessions,
  million,
  start,
  memory,
  log,
  workers,
  growth,
};

/** Those that `bun run bench` leaves out unless they are named. */
const LONG = ["growth"];

/** `bun run bench [part…] [--quick] [--rounds=7] [--seconds=3]` */
async function main(args: string[]): Promise<number> {
  const option = (name: string) => args.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1];
  const asked = args.filter((arg) => !arg.startsWith("--"));
  const unknown = asked.filter((name) => !(name in parts));
  if (unknown.length > 0) {
    say(`no such part: ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);
    return 2;
  }
  const quick = args.includes("--quick");
  const names = asked.length > 0 ? asked : Object.keys(parts).filter((name) => !LONG.includes(name));
  const server = await startServer(say);
  const rows: Row[] = [];
  let failed = false;
  try {
    for (const name of names) {
      const closers: (() => unknown)[] = [];
      const bench: Bench = {
        server,
        quick,
        rounds: Number(option("rounds") ?? (quick ? 3 : 7)),
        seconds: Number(option("seconds") ?? (quick ? 2 : 3)),
        warmSeconds: quick ? 3 : 15,
        report: say,
        after: (close) => closers.push(close),
      };
      say(`${name} …`);
      try {
        const measured = (await parts[name]?.(bench)) ?? [];
        rows.push(...measured);
        for (const row of measured)
          say(`  ${row.work}: ${row.measured} (goal ${row.goal || "none"}); ${row.detail}`);
      } catch (error) {
        failed = true;
        say(`  failed: ${(error as Error).stack}`);
      } finally {
        while (closers.length > 0) await closers.pop()?.();
      }
    }
  } finally {
    await server.stop();
  }
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${availableParallelism()} cores of ${cpus()[0]?.model}, Bun ${Bun.version}, ${server.engine}`;
  process.stdout.write(`${date}, ${machine}${quick ? ", quick" : ""}\n\n${table(rows)}\n`);
  return failed ? 1 : 0;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

process.exit(await main(process.argv.slice(2)));
