import { median, type Probe } from "./probe.ts";
import type { Round } from "./round.ts";

/** What was measured of one flood. */
export interface Measured {
  kind: string;
  seconds: number;
  idle: Probe[];
  rounds: Round[];
  beforeMb: number;
  afterMb: number;
  hashes: number;
}

export const say = (line: string) => process.stdout.write(`${line}\n`);

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

/** Counts of several rounds as one line. */
function list(counts: Record<string, number>[]): string {
  const all = new Map<string, number>();
  for (const [key, count] of counts.flatMap(Object.entries)) all.set(key, (all.get(key) ?? 0) + count);
  return [...all].map(([key, count]) => `${count} × ${key}`).join(", ") || "none";
}

/** Prints the figures of one flood. @returns what was wrong */
export function report({ kind, seconds, idle, rounds, beforeMb, afterMb, hashes }: Measured): string[] {
  const tallies = rounds.map(({ tally }) => tally);
  const during = rounds.map((one) => one.during);
  const unserved = [...idle, ...during].flatMap((one) => one.wrong);
  const most = (values: number[]) => Math.max(...values).toFixed(0);
  const change = (of: "p50" | "p99" | "slowest") => {
    const [quiet, flooded] = [median(idle.map((one) => one[of])), median(during.map((one) => one[of]))];
    return `${of} ${quiet.toFixed(1)} → ${flooded.toFixed(1)} ms (${(flooded / quiet).toFixed(1)}×)`;
  };
  const requests = sum(tallies.map((one) => one.requests));
  const lost = sum(tallies.map((one) => one.lost));
  const answered = sum(tallies.flatMap(({ answers }) => Object.values(answers)));
  const wrong = list(tallies.map((tally) => tally.wrong));
  say(`\n${kind}`);
  say(`  requests      ${requests} in ${seconds.toFixed(0)} s`);
  say(`  answers       ${list(tallies.map(({ answers }) => answers))}`);
  say(`  lost          ${lost}; not waited for: ${requests - answered - lost}`);
  say(`  wrong         ${wrong}`);
  say(
    `  slowest       answer ${most(tallies.map((one) => one.slowestMs))} ms, 503 ${most(tallies.map((one) => one.refusedMs))} ms`,
  );
  say(`  token checks  ${change("p50")}, ${change("p99")}, ${change("slowest")}`);
  say(
    `                ${sum(during.map((one) => one.count))} during the flood, ${unserved.length} not served`,
  );
  say(
    `  memory        ${beforeMb.toFixed(0)} MB before, ${most(rounds.map((one) => one.peakMb))} at most, ${afterMb.toFixed(0)} after`,
  );
  if (hashes > 0) say(`  hashes        ${hashes}`);
  const faults = wrong === "none" ? [] : [`${kind}: ${wrong}`];
  if (lost > 0) faults.push(`${kind}: ${lost} were lost`);
  if (unserved.length > 0)
    faults.push(`${kind}: ${unserved.length} token checks were not served: ${unserved[0]}`);
  return faults;
}
