// A process of its own for the tests: starts workerd, prints its pid, and stays.
import { startWorkerd } from "../support/targets/workerdProcess.ts";

const { pid } = await startWorkerd("src/runtime/workerd.ts");
process.stdout.write(`${pid}\n`);
setInterval(() => {}, 60_000);
