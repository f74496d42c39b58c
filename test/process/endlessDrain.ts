import { onShutdown } from "../../src/runtime/shutdown.ts";

// A process whose drain never ends. Its arguments: the drain's seconds, and the milliseconds that it may take beyond them.
const [drainSeconds, limitMs] = process.argv.slice(2).map(Number);
onShutdown(() => new Promise(() => {}), drainSeconds as number, limitMs);
process.stdout.write("up\n");
setInterval(() => {}, 60_000);
