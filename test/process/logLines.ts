import { createLog } from "../../src/runtime/log.ts";

// Writes as many lines to the log as each line of standard input says, and ends with it.
const log = createLog("info");
let n = 0;
for await (const count of console) {
  for (let line = 0; line < Number(count); line++) log.info({ n: n++ }, "a line");
}
process.exit(0);
