import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { makeFolderOnce, removeFolder } from "./files.ts";
import { findProgram, lastLines, type Report, run, withProgress } from "./run.ts";

export interface AptTools {
  aptGet: string;
  dpkgDeb: string;
  dpkgQuery: string;
  ldd: string | undefined;
}

/** What is needed to fetch and unpack packages, when this is a Debian or Ubuntu. */
export function findAptTools(path: string | undefined): AptTools | undefined {
  const [aptGet, dpkgDeb, dpkgQuery] = ["apt-get", "dpkg-deb", "dpkg-query"].map((name) =>
    findProgram(name, path),
  );
  if (aptGet === undefined || dpkgDeb === undefined || dpkgQuery === undefined) return undefined;
  return { aptGet, dpkgDeb, dpkgQuery, ldd: findProgram("ldd", path) };
}

/** A program to be had from packages. */
export interface AptProgram {
  /** All but the libraries that they depend on. */
  packages: string[];
  /** Where the program stands in an unpacked copy. */
  program: string;
  /** Folders of libraries that are its own, below that of the architecture. */
  libraries?: string[];
}

/** MariaDB's server. */
export const MARIADB: AptProgram = { packages: ["mariadb-server-core"], program: "usr/sbin/mariadbd" };

/** Where the libraries of an unpacked copy are, for LD_LIBRARY_PATH. */
export async function unpackedLibraries(copy: string, { libraries = [] }: AptProgram): Promise<string> {
  const folders = new Set<string>();
  for (const lib of ["lib", "usr/lib"].map((name) => join(copy, name))) {
    if (!existsSync(lib)) continue;
    // One level down: the folder of the architecture, as usr/lib/x86_64-linux-gnu.
    for (const name of await readdir(lib))
      if (name.includes("-linux-"))
        for (const inner of ["", ...libraries]) folders.add(join(lib, name, inner));
  }
  return [...folders].join(":");
}

/**
 * Fetches a program's packages and the libraries this machine lacks from the machine's own signed sources and unpacks
 * them into `copy`, without root and without a change to the system. @throws Error with what apt said.
 */
export async function unpackWithApt(
  copy: string,
  program: AptProgram,
  tools: AptTools,
  report: Report,
): Promise<void> {
  await makeFolderOnce(copy, async (temporary) => {
    const work = join(temporary, "apt");
    const download = downloader(tools, work, report);
    const seen = new Set<string>();
    for (let wanted = program.packages, round = 0; wanted.length > 0; round++) {
      for (const name of wanted) seen.add(name);
      const folder = join(work, String(round));
      await mkdir(folder, { recursive: true });
      await withProgress(report, `fetching ${wanted.join(", ")}`, download(wanted, folder));
      const depends = await withProgress(report, "unpacking", unpack(tools, folder, temporary));
      wanted = await missingLibraries(tools, depends, seen);
    }
    await removeFolder(work);
    await checkLibraries(tools, temporary, program);
  });
}

/** Downloads with the system's package lists, or where those are missing or stale with lists of its own. */
function downloader(tools: AptTools, work: string, report: Report) {
  const asRoot = process.getuid?.() === 0 ? ["-o", "APT::Sandbox::User=root"] : [];
  const common = [...asRoot, "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30"];
  const own = [
    ...["-o", `Dir::State=${work}/state`, "-o", `Dir::State::lists=${work}/lists`],
    ...["-o", "Dir::State::status=/var/lib/dpkg/status", "-o", `Dir::Cache=${work}/cache`],
    ...["-o", "Acquire::Languages=none"],
  ];
  let options = common;
  const get = (names: string[], cwd: string) =>
    run([tools.aptGet, ...options, "download", ...names], { cwd, timeout: 300_000 });

  return async (names: string[], folder: string): Promise<void> => {
    let got = await get(names, folder);
    if (!got.ok && options === common) {
      report("apt's package lists are missing or out of date: fetching lists for this folder only");
      options = [...common, ...own];
      for (const name of ["state", "lists/partial", "cache/archives/partial"])
        await mkdir(join(work, name), { recursive: true });
      const update = run([tools.aptGet, ...options, "update"], { timeout: 300_000 });
      const updated = await withProgress(report, "fetching package lists", update);
      got = await get(names, folder);
      // A failing source or hook of an update may not matter; it does when the download fails too.
      if (!got.ok && !updated.ok) got.stderr = `${updated.stderr}\n${got.stderr}`;
    }
    if (!got.ok) throw new Error(`apt-get download ${names.join(" ")}:\n${lastLines(got.stderr)}`);
  };
}

/** Unpacks every package of a folder. @returns what they depend on, each a list of alternatives. */
export async function unpack(tools: AptTools, folder: string, into: string): Promise<string[][]> {
  const depends: string[][] = [];
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".deb")) continue;
    const file = join(folder, name);
    const unpacked = await run([tools.dpkgDeb, "-x", file, into]);
    if (!unpacked.ok) throw new Error(`dpkg-deb -x ${name}:\n${lastLines(unpacked.stderr)}`);
    const fields = await run([tools.dpkgDeb, "-f", file, "Depends"]);
    for (const alternatives of fields.stdout.split(","))
      depends.push(alternatives.split("|").map((entry) => /[a-z0-9.+-]+/.exec(entry)?.[0] ?? ""));
  }
  return depends;
}

/** The library packages among these that are neither installed nor fetched. */
async function missingLibraries(tools: AptTools, depends: string[][], fetched: Set<string>) {
  const libraries = depends.filter((names) => names.some((name) => name.startsWith("lib")));
  if (libraries.length === 0) return [];
  // It fails when one name is unknown, and lists the others all the same.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are for dpkg-query
  const format = "-f=${Package} ${db:Status-Status}\n";
  const listed = await run([tools.dpkgQuery, "-W", format, ...libraries.flat()]);
  const installed = new Set(
    listed.stdout.split("\n").flatMap((line) => (line.endsWith(" installed") ? [line.split(" ")[0]] : [])),
  );
  const missing = libraries.filter(
    (names) => !names.some((name) => installed.has(name) || fetched.has(name)),
  );
  return [...new Set(missing.flatMap((names) => names.slice(0, 1)))];
}

/** @throws Error that names the libraries the unpacked program does not find. */
async function checkLibraries(tools: AptTools, copy: string, program: AptProgram): Promise<void> {
  if (tools.ldd === undefined) return;
  const LD_LIBRARY_PATH = await unpackedLibraries(copy, program);
  const listed = await run([tools.ldd, join(copy, program.program)], { env: { LD_LIBRARY_PATH } });
  const missing = `${listed.stdout}\n${listed.stderr}`
    .split("\n")
    .filter((line) => line.includes("not found"));
  const name = program.packages[0];
  if (missing.length > 0) throw new Error(`the unpacked ${name} lacks libraries:\n${missing.join("\n")}`);
}
