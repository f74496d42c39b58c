import { join } from "node:path";
import { run } from "../../src/runtime/localDatabase/run.ts";
import { workFolder } from "./tools.ts";

const ROOT = join(import.meta.dir, "..", "..");

let built: Promise<string> | undefined;

/** The program that the Docker image runs, built once for a run of the benchmarks. @returns its path */
export function builtProgram(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const folder = join(workFolder, "program");
  const made = await run([process.execPath, "scripts/build.ts", folder], { cwd: ROOT });
  if (!made.ok) throw new Error(`scripts/build.ts: ${made.stderr}`);
  return join(folder, "latchkey");
}
