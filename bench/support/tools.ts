import { join } from "node:path";
import { dataFolder } from "../../test/support/database.ts";
import { provideProgram } from "../../test/support/programs.ts";

/** What one run writes: token files, logs, the bundle. */
export const workFolder = join(dataFolder, "bench");

const TOOLS = {
  wrk: { packages: ["wrk"], program: "usr/bin/wrk" },
  mariadb: { packages: ["mariadb-client-core"], program: "usr/bin/mariadb" },
};

/** `wrk` or `mariadb`: see `provideProgram`. */
export const tool = (name: keyof typeof TOOLS) => provideProgram([name], TOOLS[name]);
