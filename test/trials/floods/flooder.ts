import type { Tally } from "./flood.ts";
import { kinds } from "./kinds.ts";

// One flood in a process of its own, so that what it costs is not taken from the one that measures.
// It says "on" when the flood stands, and its tally when it is told to stop.

const [kind = "", port = "", token = ""] = process.argv.slice(2);
const tally: Tally = { requests: 0, answers: {}, wrong: {}, lost: 0, slowestMs: 0, refusedMs: 0 };
const flood = kinds[kind];
if (!flood) throw new Error(`no such flood: ${kind}`);

const stopped = new Promise<void>((resolve) => process.stdin.once("data", () => resolve()));
let running = true;
stopped.then(() => {
  running = false;
});
const ended = flood({
  port: Number(port),
  token,
  tally,
  running: () => running,
  stopped,
  on: () => void process.stdout.write("on\n"),
});
await stopped;
await Promise.race([ended, Bun.sleep(5000)]); // what has not been answered by then is not waited for
process.stdout.write(`${JSON.stringify(tally)}\n`);
process.exit(0);
