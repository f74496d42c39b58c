import { afterAll, setDefaultTimeout } from "bun:test";
import { stopTestServer } from "./support/database.ts";
import { stopTargets } from "./support/targets/index.ts";

setDefaultTimeout(60_000); // also for a file that is run by itself, without the flag

// One throwaway server for a run, and one process for each target; each starts when a test first asks for it.
afterAll(async () => {
  await stopTargets();
  await stopTestServer();
});
