import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "./run.ts";

export type Family = "mariadb" | "mysql";

/** A server program that was seen to run. */
export interface Engine {
  family: Family;
  /** Three numbers, as `10.11.19`. */
  version: string;
  /** For printing. */
  name: string;
  binary: string;
  /** Its installation, as `/usr`. */
  base: string;
  /** Whether it was unpacked away from where it was built to stand, so that it has to be told its folders. */
  moved: boolean;
  /** The environment to run it in: nothing of ours, which holds secrets. */
  env: Record<string, string>;
}

/** Asks a server program what it is. Undefined when it does not run or is neither MySQL nor MariaDB. */
export async function examine(
  binary: string,
  where: string,
  options: { moved?: boolean; libraries?: string } = {},
): Promise<Engine | undefined> {
  const env: Record<string, string> =
    options.libraries === undefined ? {} : { LD_LIBRARY_PATH: options.libraries };
  const said = await run([binary, "--no-defaults", "--version"], { env, timeout: 20_000 });
  const version = /Ver (\d+\.\d+\.\d+)/.exec(said.stdout)?.[1];
  if (!said.ok || version === undefined) return undefined;
  const family = said.stdout.includes("MariaDB") ? "mariadb" : "mysql";
  return {
    family,
    version,
    name: `${family === "mariadb" ? "MariaDB" : "MySQL"} ${version} (${where})`,
    binary,
    base: dirname(dirname(await realpath(binary))),
    moved: options.moved ?? false,
    env,
  };
}

/** Where the engine keeps its messages and system tables. @throws Error when it is in no place known. */
export function shareFolder(engine: Engine): string {
  const folders = ["share/mysql", "share/mariadb", "share"].map((name) => join(engine.base, name));
  const folder = folders.find((candidate) => existsSync(join(candidate, "english")));
  if (folder === undefined) throw new Error(`${engine.name} has no messages in ${folders.join(", ")}`);
  return folder;
}

/**
 * Where a server on this data directory keeps temporary tables: for itself, since a MariaDB that starts removes those of
 * all others it finds. Beside the data, where it cannot be taken for a database.
 */
export function temporaryTables(dataFolder: string): string {
  return `${dataFolder}.tmp`;
}

/** What every run of the engine is told, whether to make a data directory or to serve one. */
export function commonFlags(engine: Engine, dataFolder: string): string[] {
  const flags = ["--no-defaults", `--datadir=${dataFolder}`, `--tmpdir=${temporaryTables(dataFolder)}`];
  if (process.getuid?.() === 0) flags.push("--user=root");
  if (engine.family === "mariadb") flags.push("--innodb-log-file-size=16M");
  else flags.push("--loose-innodb-redo-log-capacity=16M");
  if (engine.moved) {
    const share = shareFolder(engine);
    flags.push(
      `--basedir=${engine.base}`,
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${join(share, "charsets")}`,
      `--plugin-dir=${join(engine.base, "lib/mysql/plugin")}`,
    );
  }
  return flags;
}
