import type { LocalDatabase } from "../../src/runtime/localDatabase/index.ts";
import type { Measured } from "./driver.ts";
import { median, quartiles, short, spread } from "./statistics.ts";

/** What a part works with. */
export interface Bench {
  server: LocalDatabase;
  rounds: number;
  /** Of one turn. */
  seconds: number;
  /**
   * How long a program works before it is measured, in seconds at full load. So long its just-in-time compiler takes a
   * processor's time, which a service that runs for weeks does not pay.
   */
  warmSeconds: number;
  quick: boolean;
  report(line: string): void;
  /** Is called at the end of the part, last come first. */
  after(close: () => unknown): void;
}

/** A line of the table. */
export interface Row {
  work: string;
  goal: string;
  measured: string;
  /** Undefined where there is no goal. */
  met?: boolean | "unclear";
  /** The figures behind it. */
  detail: string;
}

/** A thing to measure, by the name it is asked for. */
export type Part = (bench: Bench) => Promise<Row[]>;

/**
 * A row for a ratio that should be at least or at most a goal, computed within each round, since what disturbs a round
 * disturbs both of its sides. It is unclear whether the goal is met when the middle half of the rounds lies on both
 * sides of it.
 */
export function ratioRow(
  work: string,
  [sign, goal, of]: ["≥" | "≤", number, string],
  ours: number[],
  theirs: number[],
  detail: string,
): Row {
  const ratios = ours.map((figure, i) => figure / (theirs[i] ?? Number.NaN));
  const good = (ratio: number) => (sign === "≥" ? ratio >= goal : ratio <= goal);
  const [low, high] = quartiles(ratios);
  const clear = good(low) === good(high);
  const met = clear ? good(median(ratios)) : "unclear";
  return { work, goal: `${sign} ${goal}× ${of}`, measured: spread(ratios, "×"), met, detail };
}

/** Requests per second of several programs, and the CPU time that each took for one, for a row's detail. */
export const rates = (measured: Record<string, Measured[]>): string =>
  Object.entries(measured)
    .map(
      ([name, runs]) =>
        `${name} ${spread(runs.map((run) => run.perSecond))}/s, ${short(median(runs.map((run) => run.cpu)))} µs CPU`,
    )
    .join("; ");

export const perSecond = (runs: Measured[]): number[] => runs.map((run) => run.perSecond);
