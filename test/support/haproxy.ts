import { existsSync } from "node:fs";
import { join } from "node:path";
import { findAptTools, unpackedLibraries, unpackWithApt } from "../../src/runtime/localDatabase/apt.ts";
import { findProgram } from "../../src/runtime/localDatabase/run.ts";
import { dataFolder } from "./database.ts";
import { collect, until } from "./process.ts";

const PACKAGE = { name: "haproxy", program: "usr/sbin/haproxy" };
const CONFIG = join(import.meta.dir, "..", "..", "docs", "haproxy.cfg");

/**
 * HAProxy of the PATH, else a copy in the data folder, else one that is fetched there as the database is.
 * @throws Error with the reason if there is none to be had
 */
export async function findHaproxy(): Promise<{ program: string; libraries: string }> {
  const installed = findProgram("haproxy", undefined) ?? findProgram("haproxy", "/usr/sbin:/usr/local/sbin");
  if (installed) return { program: installed, libraries: "" };
  const copy = join(dataFolder, "haproxy");
  if (!existsSync(join(copy, PACKAGE.program))) {
    const tools = process.platform === "linux" ? findAptTools(undefined) : undefined;
    if (!tools) throw new Error("there is no haproxy on the PATH: install HAProxy 2.6 or later");
    await unpackWithApt(copy, PACKAGE, tools, (line) => process.stderr.write(`[haproxy] ${line}\n`));
  }
  return { program: join(copy, PACKAGE.program), libraries: await unpackedLibraries(copy) };
}

/** Runs the HAProxy of docs/operations.md in front of two instances, and waits until it serves. */
export async function startHaproxy(instances: [port: number, port: number], listen: number) {
  const { program, libraries } = await findHaproxy();
  const child = Bun.spawn([program, "-db", "-f", CONFIG], {
    env: {
      ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}),
      LISTEN: `127.0.0.1:${listen}`,
      LATCHKEY_1: `127.0.0.1:${instances[0]}`,
      LATCHKEY_2: `127.0.0.1:${instances[1]}`,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = collect(child.stderr);
  await until(
    () =>
      fetch(`http://127.0.0.1:${listen}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    () => `HAProxy did not start: ${said()}`,
    child.exited,
  );
  return {
    said,
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** A free port below those that outgoing connections take: one of these could be in use again at a restart. */
export function freePort(): number {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch {
      // taken: another
    }
  }
}
