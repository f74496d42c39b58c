import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Whether a process of this id lives (a zombie counts, someone else's process too). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A name that tells which process made it, so that what a killed one left can be removed: `<pid>-<random>`. */
export function ownName(): string {
  return `${process.pid}-${randomBytes(4).toString("hex")}`;
}

/** Removes what processes that are gone left in `folder` under `<prefix><pid>-<random>…`. */
export async function removeLeftovers(folder: string, prefix: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(\d+)-[0-9a-f]{8}/.exec(name.slice(prefix.length))?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await removeFolder(join(folder, name));
  }
}

/** Removes a file or folder with all in it; one that is not there is fine. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * Makes a folder whole or not at all: `build` fills a sibling that is then renamed. A killed run leaves nothing that
 * looks whole, and of two at once the first wins. The folder is readable by its owner only.
 */
export async function makeFolderOnce(
  target: string,
  build: (temporary: string) => Promise<void>,
): Promise<void> {
  const prefix = `${basename(target)}.new-`;
  await removeLeftovers(dirname(target), prefix);
  const temporary = join(dirname(target), prefix + ownName());
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  try {
    await build(temporary);
    await rename(temporary, target);
  } catch (error) {
    await removeFolder(temporary);
    const { code } = error as NodeJS.ErrnoException;
    if ((code !== "ENOTEMPTY" && code !== "EEXIST") || !existsSync(target)) throw error;
  }
}
