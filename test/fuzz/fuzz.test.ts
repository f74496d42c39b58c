import { expect, test } from "bun:test";
import { chosenSeed, fuzz } from "./run.ts";

const CASES = 2000;

test(`${CASES} requests that no client should send, and no promise is broken`, async () => {
  const tally = await fuzz(CASES, chosenSeed(), (line) => void process.stderr.write(`[fuzz] ${line}\n`));
  expect(tally.cases).toBeGreaterThanOrEqual(CASES);
  expect(tally.endpoints.size).toBeGreaterThan(10);
}, 300_000);
