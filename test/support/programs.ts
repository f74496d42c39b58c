import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type AptProgram,
  findAptTools,
  unpackedLibraries,
  unpackWithApt,
} from "../../src/runtime/localDatabase/apt.ts";
import { findProgram } from "../../src/runtime/localDatabase/run.ts";
import { dataFolder } from "./database.ts";

/** A program that tests or benchmarks run, and the environment that it needs for that. */
export interface Program {
  path: string;
  env: Record<string, string>;
  /** Where it was unpacked; undefined for one of the machine. */
  copy: string | undefined;
}

/** Where programs are that not everybody has on the PATH. */
const SYSTEM = "/usr/local/sbin:/usr/sbin";

/**
 * A program of the machine by one of its names, else a copy in the data folder, else one that is fetched there as the
 * local database is.
 * @throws Error with what to install, or what apt said
 */
export async function provideProgram(names: string[], wanted: AptProgram): Promise<Program> {
  for (const name of names) {
    const installed = findProgram(name, undefined) ?? findProgram(name, SYSTEM);
    if (installed) return { path: installed, env: {}, copy: undefined };
  }
  const folder = wanted.packages[0] as string;
  const copy = join(dataFolder, folder);
  const path = join(copy, wanted.program);
  if (!existsSync(path)) {
    const tools = process.platform === "linux" ? findAptTools(undefined) : undefined;
    if (!tools) throw new Error(`there is no ${names[0]} on the PATH: install it`);
    await unpackWithApt(copy, wanted, tools, (line) => process.stderr.write(`[${folder}] ${line}\n`));
  }
  return { path, env: { LD_LIBRARY_PATH: await unpackedLibraries(copy, wanted) }, copy };
}
