import { expect } from "bun:test";
import { existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { createConnection } from "mysql2/promise";
import type { LocalDatabase } from "../../../src/runtime/localDatabase/index.ts";

/** The program's own folder, so that MariaDB is unpacked once for all runs. */
export const SHARED = resolve(import.meta.dir, "../../../.data");

export const silent = () => {};

/** A folder for a PATH that holds these programs only, those of them that this machine has. */
export function onlyTools(folder: string, names: string[]): string {
  for (const name of names) {
    const program = Bun.which(name);
    if (program !== null && !existsSync(join(folder, name))) symlinkSync(program, join(folder, name));
  }
  return folder;
}

export const SERVERS_AND_APT = ["mysqld", "mariadbd", "apt-get", "dpkg-deb", "dpkg-query", "ldd"];

/** Runs one statement on a connection of its own. */
export async function query(connection: LocalDatabase["connection"], sql: string): Promise<unknown[]> {
  const session = await createConnection(connection);
  try {
    const [rows] = await session.query(sql);
    return rows as unknown[];
  } finally {
    await session.end();
  }
}

/** Waits until something holds. @throws after `limit` milliseconds */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = 15_000) {
  const end = performance.now() + limit;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms in vain for: ${what}`);
    await Bun.sleep(20);
  }
}

/** Whether a process lives; a zombie that nobody collected does not. */
export async function lives(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const state = Bun.spawn(["ps", "-o", "stat=", "-p", String(pid)]);
  return !/^(Z|$)/.test((await new Response(state.stdout).text()).trim());
}

export interface Owner {
  process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  /** What its server answered with. */
  started: { pid: number; connection: LocalDatabase["connection"] };
}

interface OwnerOptions {
  dataFolder: string;
  path?: string;
  /** What it does when the server is up; by default it stays. */
  once?: "stop" | "leave";
}

/** Another latchkey: a process that starts a database and then waits to be killed. */
export function spawnOwner(options: OwnerOptions): Owner["process"] {
  const settings = JSON.stringify({ folder: SHARED, ...options });
  return Bun.spawn([process.execPath, join(import.meta.dir, "owner.ts"), settings], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The same, when its server is up. */
export async function startOwner(options: OwnerOptions): Promise<Owner> {
  const child = spawnOwner(options);
  const reader = child.stdout.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the owner ended: ${await new Response(child.stderr).text()}`);
    text += new TextDecoder().decode(value);
  }
  const started = JSON.parse(text);
  expect(started.pid).toBeGreaterThan(1);
  return { process: child, started };
}
