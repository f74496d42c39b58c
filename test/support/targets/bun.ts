// The service as a Bun process of its own, with its clock, addresses and log in a test's hand.
import type { Pool } from "mysql2/promise";
import { createApp } from "../../../src/app.ts";
import { createAttemptMemory } from "../../../src/auth/attemptMemory.ts";
import { parseConfig } from "../../../src/config.ts";
import { openDatabase, openPool } from "../../../src/db/connection.ts";
import { type BunEnv, connectionAddress } from "../../../src/runtime/bun.ts";
import { configuredKeyring, configuredPasswords } from "../../../src/runtime/context.ts";
import { readText } from "../../../src/runtime/environment.ts";
import { serve } from "../../../src/runtime/server.ts";
import { withSideChannel } from "./sideChannel.ts";

const pools = new Map<string, Pool>();

const answer = withSideChannel(async ({ env, database }, inHand) => {
  const config = parseConfig({ HASH_CONCURRENCY: "2", ...env }, readText);
  const pool = pools.get(database.key) ?? openPool(database.target, 10);
  pools.set(database.key, pool);
  const shared = openDatabase(pool);
  const app = createApp({
    config,
    database: (_, allowance) => (allowance ? openDatabase(pool, allowance) : shared),
    passwords: configuredPasswords(config),
    keyring: await configuredKeyring(config),
    attempts: createAttemptMemory(),
    clientAddress: connectionAddress,
    ...inHand,
  });
  return () => (request, address) => app.fetch(request, { address: () => address } satisfies BunEnv);
});

const server = serve((request) => answer(request, undefined), { host: "127.0.0.1", port: 0 });
process.stdout.write(`${server.url.origin}\n`);
// Who started it holds the other end: when that process is gone, however it went, this one goes too.
for await (const _ of Bun.stdin.stream());
process.exit();
