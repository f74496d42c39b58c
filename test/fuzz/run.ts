import fc from "fast-check";
import { stopTestServer } from "../support/database.ts";
import { registration } from "./accounts.ts";
import { modelled } from "./commands.ts";
import { Tally } from "./judge.ts";
import { anyRequest } from "./requests.ts";
import { rawRequests } from "./socket.ts";
import { createWorld, type World } from "./world.ts";

interface Rounds {
  seed: number;
  numRuns: number;
}

/** A property that can be checked over and over, whatever its values are. */
const checked =
  <T>(make: (world: World) => fc.IAsyncProperty<T> | Promise<fc.IAsyncProperty<T>>) =>
  async (world: World) => {
    const property = await make(world);
    return (rounds: Rounds) => fc.assert(property, { ...rounds, includeErrorInReport: true });
  };

/**
 * What is tried, the share of all cases that each gets, how many runs between two empty databases, and about how many
 * requests a run is.
 */
const PARTS = [
  { name: "any request", share: 0.6, batch: 200, perRun: 1, check: checked(anyRequest) },
  { name: "registrations", share: 0.1, batch: 50, perRun: 3, check: checked(registration) },
  { name: "sessions against a model", share: 0.25, batch: 20, perRun: 50, check: checked(modelled) },
  { name: "bytes on a socket", share: 0.05, batch: 50, perRun: 1, check: checked(rawRequests) },
];

/** Runs cases until that many requests have been judged. @throws what fast-check says, with seed and path, at a failure */
export async function fuzz(cases: number, seed: number, tell: (line: string) => void): Promise<Tally> {
  tell(`seed ${seed}: repeat it with FUZZ_SEED=${seed} FUZZ_CASES=${cases} bun run fuzz`);
  const tally = new Tally();
  for (const { name, share, batch, perRun, check } of PARTS) {
    const world: World = await createWorld(tally);
    const startedAt = performance.now();
    const [before, goal] = [tally.cases, Math.ceil(cases * share)];
    try {
      const tried = await check(world);
      for (let round = 0; tally.cases - before < goal; round++) {
        await world.clear();
        const left = Math.ceil((goal - (tally.cases - before)) / perRun);
        const sofar = tally.cases;
        await tried({ seed: seed + round, numRuns: Math.min(batch, left) });
        if (Math.floor(sofar / 10_000) < Math.floor(tally.cases / 10_000)) tell(`${tally.cases} cases`);
      }
    } finally {
      await world.close();
    }
    tell(
      `${name}: ${tally.cases - before} cases in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
    );
  }
  return tally;
}

/** The counts of a run, as lines. */
export function summary(tally: Tally): string[] {
  const table = (title: string, counts: Map<string, number>) => [
    `\n${title}`,
    ...[...counts].sort(([, a], [, b]) => b - a).map(([key, n]) => `${String(n).padStart(9)}  ${key}`),
  ];
  return [
    ...table("by endpoint", tally.endpoints),
    ...table("by status", tally.statuses),
    ...table("by code", tally.codes),
    `\n${tally.cases} cases judged; ${tally.unanswered} more requests that Bun closed without an answer`,
  ];
}

/** A seed from outside, or any. */
export const chosenSeed = (): number => Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

if (import.meta.main) {
  const tell = (line: string) => void process.stdout.write(`${line}\n`);
  const startedAt = performance.now();
  try {
    const tally = await fuzz(Number(process.env.FUZZ_CASES ?? 100_000), chosenSeed(), tell);
    summary(tally).forEach(tell);
    tell(`${((performance.now() - startedAt) / 1000).toFixed(0)} s, no property failed`);
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    await stopTestServer();
  }
}
