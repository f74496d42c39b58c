import { connect, createServer, type Socket } from "node:net";
import type { DatabaseTarget } from "../../../src/config/database.ts";
import { freePort } from "../haproxy.ts";

const relays = new Map<string, Promise<{ port: number; stop: () => Promise<unknown> }>>();

/** The same database over TCP on the loopback, for a runtime that knows no Unix sockets. */
export async function overTcp(target: DatabaseTarget): Promise<DatabaseTarget> {
  const { socketPath, ...account } = target;
  if (socketPath === undefined) return target;
  // Nobody listens at the one, so that nobody must at the other.
  if (
    !(await Bun.file(socketPath)
      .stat()
      .catch(() => undefined))
  )
    return { ...account, host: "127.0.0.1", port: freePort() };
  let relay = relays.get(socketPath);
  relay ??= startRelay(socketPath);
  relays.set(socketPath, relay);
  return { ...account, host: "127.0.0.1", port: (await relay).port };
}

/** Ends what `overTcp` began. */
export async function stopRelays(): Promise<void> {
  for (const relay of relays.values()) await (await relay).stop();
  relays.clear();
}

async function startRelay(socketPath: string) {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect(socketPath);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(one);
          other.destroy();
        });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
