import { join } from "node:path";
import type { Tally } from "./flood.ts";
import { type Probe, probe } from "./probe.ts";
import { type Flooded, memoryMb } from "./service.ts";

const FLOOD_SECONDS = 2;

/** What a flood did, what others got meanwhile, and the most memory that the service had in use. */
export interface Round {
  tally: Tally;
  during: Probe;
  peakMb: number;
}

/** One flood by a process of its own, while the requests of others are timed. */
export async function round(
  service: Flooded,
  kind: string,
): Promise<{ tally: Tally; during: Probe; peakMb: number }> {
  const flooder = Bun.spawn(
    [process.execPath, join(import.meta.dir, "flooder.ts"), kind, String(service.port), service.token],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit", timeout: 60_000 },
  );
  const reader = flooder.stdout.getReader();
  const decoder = new TextDecoder();
  let said = "";
  const read = async () => {
    const { value, done } = await reader.read();
    said += decoder.decode(value, { stream: true });
    return done;
  };
  while (!said.includes("on\n")) if (await read()) throw new Error(`the flooder of "${kind}" ended`);
  let peakMb = 0;
  const sampler = setInterval(() => {
    peakMb = Math.max(peakMb, memoryMb(service));
  }, 50);
  const during = await probe(service, FLOOD_SECONDS);
  flooder.stdin.write("stop");
  await flooder.stdin.end();
  while (!(await read()));
  clearInterval(sampler);
  return { tally: JSON.parse(said.split("\n")[1] ?? ""), during, peakMb };
}
