// Restarts two instances behind HAProxy under load: `bun run rolling [rounds] [drainSeconds] [users]`. Prints what became
// of the requests; exits with 1 if one was lost, failed or was answered with what must not be.
import { stopTestServer } from "../support/database.ts";
import { rollingRestart } from "../support/rolling.ts";

const [rounds = 5, drainSeconds = 3, users = 16] = process.argv.slice(2).map(Number);
const say = (line: string) => process.stdout.write(`${line}\n`);

say(`${rounds} rounds, DRAIN_SECONDS=${drainSeconds}, ${users} users`);
const begin = performance.now();
let lost = true;
try {
  const figures = await rollingRestart({ rounds, drainSeconds, users }, say);
  const seconds = (performance.now() - begin) / 1000;
  for (const [what, count] of Object.entries(figures)) say(`${what.padEnd(10)} ${count}`);
  say(`in ${seconds.toFixed(0)} s`);
  lost = figures.failed + figures.lost + figures.wrong > 0;
} finally {
  await stopTestServer();
}
process.exit(lost ? 1 : 0);
