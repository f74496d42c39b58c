import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { makeFolderOnce, removeFolder } from "../../src/runtime/localDatabase/files.ts";
import { lastLines, run } from "../../src/runtime/localDatabase/run.ts";

/** Everything that benchmarks keep: the checkout's data folder, which git ignores. */
export const dataFolder = join(import.meta.dir, "..", "..", ".data");

/** What one run writes: token files, logs, the bundle. */
export const workFolder = join(dataFolder, "bench");

/** Debian packages with the two programs and the one library that a slim machine lacks. */
const PACKAGES = ["wrk", "libluajit-5.1-2", "libluajit-5.1-common", "mariadb-client-core"];

/** A program, and the environment that it needs to run. */
export interface Tool {
  path: string;
  env: Record<string, string>;
}

/**
 * `wrk` or `mariadb`: on the PATH, else unpacked from Debian's packages into the data folder, without root and
 * without a change to the system.
 * @throws Error with what apt said
 */
export async function tool(name: "wrk" | "mariadb"): Promise<Tool> {
  const installed = Bun.which(name);
  if (installed) return { path: installed, env: {} };
  const copy = join(dataFolder, "bench-tools");
  if (!existsSync(copy)) await makeFolderOnce(copy, unpack);
  const libraries: string[] = [];
  for (const folder of await readdir(join(copy, "usr/lib")))
    if (folder.includes("-linux-")) libraries.push(join(copy, "usr/lib", folder));
  return { path: join(copy, "usr/bin", name), env: { LD_LIBRARY_PATH: libraries.join(":") } };
}

async function unpack(into: string): Promise<void> {
  const packages = join(into, "packages");
  await mkdir(packages);
  const asRoot = process.getuid?.() === 0 ? ["-o", "APT::Sandbox::User=root"] : [];
  const got = await run(["apt-get", ...asRoot, "download", ...PACKAGES], { cwd: packages, timeout: 120_000 });
  if (!got.ok)
    throw new Error(`wrk is not on the PATH, and apt-get download failed:\n${lastLines(got.stderr)}`);
  for (const name of await readdir(packages)) {
    const unpacked = await run(["dpkg-deb", "-x", join(packages, name), into]);
    if (!unpacked.ok) throw new Error(`dpkg-deb -x ${name}:\n${lastLines(unpacked.stderr)}`);
  }
  await removeFolder(packages);
}
