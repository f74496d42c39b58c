import { stopTestServer } from "../support/database.ts";
import { until } from "../support/process.ts";
import { kinds } from "./floods/kinds.ts";
import { patience } from "./floods/patience.ts";
import { type Probe, probe } from "./floods/probe.ts";
import { report, say } from "./floods/report.ts";
import { type Round, round } from "./floods/round.ts";
import { canLogIn, type Flooded, hashed, memoryMb, startFlooded } from "./floods/service.ts";

// Floods a running service and looks at what others get meanwhile: bun run floods [part of a flood's name].
// Exit code 1 if an answer was wrong, or somebody else was not served.

const ROUNDS = 3;
const IDLE_SECONDS = 1;

/** Alternates quiet and flooded rounds, and prints what came of it. @returns what was wrong */
async function flood(service: Flooded, kind: string): Promise<string[]> {
  const beforeMb = memoryMb(service);
  const hashedBefore = hashed(service);
  const startedAt = performance.now();
  const idle: Probe[] = [];
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    idle.push(await probe(service, IDLE_SECONDS));
    rounds.push(await round(service, kind));
    await until(
      () => canLogIn(service),
      () => `nobody could log in after "${kind}"`,
    );
  }
  return report({
    kind,
    seconds: (performance.now() - startedAt) / 1000,
    idle,
    rounds,
    beforeMb,
    afterMb: memoryMb(service),
    hashes: hashed(service) - hashedBefore,
  });
}

/** What the process itself had to complain of. */
function complaints(service: Flooded): string[] {
  const faults: string[] = [];
  if (service.process.exitCode !== null) faults.push("the service ended");
  if (service.stderr().trim()) faults.push(`it said: ${service.stderr().slice(0, 500)}`);
  const errors = service.stdout().match(/^.*"level":"error".*$/gm) ?? [];
  if (errors.length > 0) faults.push(`${errors.length} errors in its log, such as ${errors[0]}`);
  return faults;
}

const chosen = Object.keys(kinds).filter((kind) => kind.includes(process.argv[2] ?? ""));
const faults: string[] = [];
const service = await startFlooded();
try {
  await probe(service, 1); // the first requests are slow
  for (const kind of chosen) faults.push(...(await flood(service, kind)));
  if (chosen.some((kind) => kind.startsWith("slow"))) {
    const [head, body] = await Promise.all([patience(service.port, "head"), patience(service.port, "body")]);
    say(
      `\nat a byte a second, a head is borne for ${head?.toFixed(0)} s and a body for ${body?.toFixed(0)} s`,
    );
    if (head === null || body === null) faults.push("a slow request was borne for ever");
  }
  faults.push(...complaints(service));
} finally {
  service.process.kill("SIGTERM");
  const exitCode = await service.process.exited;
  if (exitCode !== 0) faults.push(`its drain ended with ${exitCode}`);
  await stopTestServer();
}
say(faults.length === 0 ? "\nno faults" : `\n${faults.length} faults:\n  ${faults.join("\n  ")}`);
process.exitCode = faults.length === 0 && chosen.length > 0 ? 0 : 1;
