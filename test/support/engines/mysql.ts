import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AptTools, findAptTools, unpack } from "../../../src/runtime/localDatabase/apt.ts";
import { makeFolderOnce, removeFolder } from "../../../src/runtime/localDatabase/files.ts";
import { lastLines, type Report, run, withProgress } from "../../../src/runtime/localDatabase/run.ts";

/** The package, and what it asks for only to run scripts. */
const PACKAGE = "mysql-server-core";
const NOT_NEEDED = /^(perl|libperl|libdb5|libgdbm|gcc-|libc-gconv|libtirpc)/;
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * The folder with a `mysqld` of Debian sid's, fetched at the first use and kept, since sid has only the newest version.
 * A machine without apt gets undefined: there a MySQL has to be on the PATH.
 */
export async function mysqlFolder(dataFolder: string, report: Report): Promise<string | undefined> {
  const copy = join(dataFolder, "mysql");
  const bin = join(copy, "bin");
  if (existsSync(bin)) return bin;
  const tools = findAptTools(undefined);
  if (tools === undefined) return undefined;
  report("fetching MySQL from Debian sid (about 70 MB, no root, nothing installed)");
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await makeFolderOnce(copy, async (temporary) => {
    const work = join(temporary, "apt");
    await mkdir(work);
    await withProgress(report, "fetching", download(work, tools));
    const archives = join(work, "cache/archives");
    for (const name of await readdir(archives)) if (NOT_NEEDED.test(name)) await rm(join(archives, name));
    await withProgress(report, "unpacking", unpack(tools, archives, join(work, "all")));
    for (const part of ["sbin/mysqld", "lib", "share/mysql"]) {
      await mkdir(join(temporary, part, ".."), { recursive: true });
      await rename(join(work, "all/usr", part), join(temporary, part));
    }
    await mkdir(join(temporary, "bin"));
    await writeFile(join(temporary, "bin/mysqld"), WRAPPER);
    await chmod(join(temporary, "bin/mysqld"), 0o755);
    await removeFolder(work);
    const said = await run([join(temporary, "bin/mysqld"), "--no-defaults", "--version"]);
    if (!said.ok) throw new Error(`the unpacked MySQL does not run:\n${lastLines(said.stderr)}`);
  });
  return bin;
}

/**
 * Runs the server with its own loader and libraries, which are newer than this machine's. The first option stays the first:
 * `--no-defaults` must be.
 */
const WRAPPER = `#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
libraries=$(echo "$here"/lib/*-linux-gnu)
loader=$(echo "$libraries"/ld-linux-*.so.?)
first=$1
shift
exec "$loader" --library-path "$libraries" "$here/sbin/mysqld" "$first" --basedir="$here" \\
  --lc-messages-dir="$here/share/mysql" --character-sets-dir="$here/share/mysql/charsets" \\
  --plugin-dir="$here/lib/mysql/plugin" "$@"
`;

/** Fetches the package with all that it depends on, by an apt whose sources, lists, state and cache are its own. */
async function download(work: string, tools: AptTools): Promise<void> {
  for (const folder of ["none", "state/lists/partial", "cache/archives/partial"])
    await mkdir(join(work, folder), { recursive: true });
  await writeFile(join(work, "status"), ""); // nothing is installed: so all of it is fetched
  const signed = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : "";
  await writeFile(join(work, "sources.list"), `deb ${signed}${await mirror(tools)} sid main\n`);
  const settings = {
    "Dir::Etc::sourcelist": join(work, "sources.list"),
    "Dir::Etc::sourceparts": join(work, "none"),
    "Dir::Etc::preferences": join(work, "none/preferences"),
    "Dir::Etc::preferencesparts": join(work, "none"),
    "Dir::State": join(work, "state"),
    "Dir::State::status": join(work, "status"),
    "Dir::Cache": join(work, "cache"),
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "30",
    ...(process.getuid?.() === 0 ? { "APT::Sandbox::User": "root" } : {}),
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const install = ["install", "--yes", "--no-install-recommends", "--download-only", PACKAGE];
  for (const command of [["update"], install]) {
    const done = await run([tools.aptGet, ...options, ...command], { timeout: 300_000 });
    if (!done.ok) throw new Error(`apt-get ${command.join(" ")}:\n${lastLines(done.stderr)}`);
  }
}

/** The Debian archive that this machine uses, as apt reads its sources, in whatever format they are. */
async function mirror({ aptGet }: AptTools): Promise<string> {
  const format = ["--format", "$(REPO_URI)", "Created-By: Packages"];
  const listed = await run([
    aptGet,
    "indextargets",
    "-o",
    "APT::Get::IndexTargets::ReleaseInfo=false",
    ...format,
  ]);
  const found = listed.stdout.split("\n").find((uri) => /^https?:.*\/debian\/?$/.test(uri));
  return found ?? "http://deb.debian.org/debian";
}
