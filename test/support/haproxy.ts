import { join } from "node:path";
import { collect, until } from "./process.ts";
import { provideProgram } from "./programs.ts";

export const HAPROXY = { packages: ["haproxy"], program: "usr/sbin/haproxy" };
const CONFIG = join(import.meta.dir, "..", "..", "docs", "haproxy.cfg");

/** Runs the HAProxy of docs/operations.md in front of two instances, and waits until it serves. */
export async function startHaproxy(instances: [port: number, port: number], listen: number) {
  const { path, env } = await provideProgram(["haproxy"], HAPROXY);
  const child = Bun.spawn([path, "-db", "-f", CONFIG], {
    env: {
      ...env,
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
