import type { Flooded } from "./service.ts";

/** Token checks, one after the other, as one client makes them. */
export interface Probe {
  /** In milliseconds. */
  p50: number;
  p99: number;
  slowest: number;
  count: number;
  /** What was answered instead of the user, if anything was. */
  wrong: string[];
}

/** Asks for the token's own user over and over. A wrong or missing answer is counted, whatever it was. */
export async function probe({ origin, token }: Flooded, seconds: number): Promise<Probe> {
  const times: number[] = [];
  const wrong: string[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const sentAt = performance.now();
    const text = await fetch(`${origin}/api/getUser`, {
      headers: { Authorization: token },
      signal: AbortSignal.timeout(10_000),
    }).then(
      (answer) => answer.text(),
      (error) => `no answer: ${error.name} ${error.code ?? ""}`,
    );
    if (!text.startsWith('{"success":true,') || !text.includes('"flood-ada"')) wrong.push(text);
    times.push(performance.now() - sentAt);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), slowest: at(1), count: times.length, wrong };
}

/** The one in the middle. */
export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
