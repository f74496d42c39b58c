/** The middle of some figures. */
export function median(figures: number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (i: number) => sorted[i] ?? Number.NaN;
  return sorted.length % 2 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2;
}

/** Figures as a person reads them: median, and from least to most in brackets. */
export function spread(figures: number[], unit = ""): string {
  const [least, most] = [Math.min(...figures), Math.max(...figures)];
  return `${short(median(figures))}${unit} [${short(least)}–${short(most)}]`;
}

/** Three significant digits, thousands grouped. */
export const short = (figure: number): string =>
  Number(figure.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 3 });

/**
 * Runs turns in alternation, A B C A B C …, so that whatever else the machine does meets all of them.
 * @returns what each turn gave, by name, a list with an entry per round
 */
export async function alternate<Name extends string, T>(
  rounds: number,
  turns: Record<Name, () => Promise<T>>,
): Promise<Record<Name, T[]>> {
  const names = Object.keys(turns) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Name, T[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await turns[name]());
  }
  return results;
}

/** What a quarter of the figures lies below of, and above of. */
export function quartiles(figures: number[]): [number, number] {
  const sorted = figures.toSorted((a, b) => a - b);
  const quarter = Math.floor((sorted.length - 1) / 4);
  return [sorted[quarter] ?? Number.NaN, sorted[sorted.length - 1 - quarter] ?? Number.NaN];
}
