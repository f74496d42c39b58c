import type { DatabaseTarget } from "../../../src/config/database.ts";
import { freePort } from "../haproxy.ts";
import { type LossyWay, lossyWay } from "../proxy.ts";

const relays = new Map<string, Promise<LossyWay>>();

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
  const relay = relays.get(socketPath) ?? lossyWay(target);
  relays.set(socketPath, relay);
  const { host, port } = (await relay).target;
  return { ...account, host: host ?? "", port: port ?? 0 };
}

/** Ends what `overTcp` began. */
export async function stopRelays(): Promise<void> {
  for (const relay of relays.values()) await (await relay)[Symbol.asyncDispose]();
  relays.clear();
}
