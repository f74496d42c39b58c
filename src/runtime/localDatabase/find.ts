import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { findAptTools, MARIADB, unpackedLibraries, unpackedServer, unpackWithApt } from "./apt.ts";
import { type Engine, examine, type Family } from "./engine.ts";
import { removeFolder } from "./files.ts";
import { installHint } from "./hint.ts";
import { findProgram, type Report } from "./run.ts";

export interface FindOptions {
  /** Holds the unpacked copy, in `mariadb/`. */
  folder: string;
  /** The same as the caller wrote it, for printing. */
  shown: string;
  path: string | undefined;
  /** Only servers of this family, since they are to open a data directory that one made. */
  family: Family | undefined;
  report: Report;
}

/**
 * The first of: a server on the PATH, the copy unpacked earlier, a copy unpacked now.
 * @returns the engine, or why there is none (one line each)
 */
export async function findEngine(options: FindOptions): Promise<Engine | string[]> {
  const { folder, path, family, report } = options;
  const fits = (engine: Engine | undefined): engine is Engine =>
    engine !== undefined && (family === undefined || engine.family === family);

  for (const name of ["mysqld", "mariadbd"]) {
    const binary = findProgram(name, path);
    const engine = binary === undefined ? undefined : await examine(binary, binary);
    if (fits(engine)) return engine;
  }
  if (family === "mysql") return ["the data was made by MySQL, and there is no mysqld on the PATH"];

  const copy = join(folder, "mariadb");
  const examineCopy = async () =>
    examine(unpackedServer(copy), `unpacked in ${join(options.shown, "mariadb")}`, {
      moved: true,
      libraries: await unpackedLibraries(copy),
    });
  if (existsSync(unpackedServer(copy))) {
    const engine = await examineCopy();
    if (fits(engine)) return engine;
    report(`the copy in ${copy} does not run any more: fetching it again`);
    await removeFolder(copy);
  }
  const tools = process.platform === "linux" ? findAptTools(path) : undefined;
  if (tools === undefined) return ["there is no mysqld or mariadbd on the PATH"];
  try {
    report(
      "no database server here: fetching MariaDB with apt-get download (about 10 MB, no root, nothing installed)",
    );
    await unpackWithApt(copy, MARIADB, tools, report);
    const engine = await examineCopy();
    return fits(engine) ? engine : [`the copy unpacked in ${copy} does not run`];
  } catch (error) {
    report("MariaDB could not be fetched with apt");
    return [(error as Error).message];
  }
}

/** The error of a machine without any database, with the command that gives it one. */
export async function nothingFound(reasons: string[]): Promise<Error> {
  const osRelease = await readFile("/etc/os-release", "utf8").catch(() => "");
  const hint = installHint(process.platform, osRelease);
  return new Error(
    `no database server found (${reasons.join("; ")}).\nInstall one: ${hint}\nor set DATABASE_URL`,
  );
}
