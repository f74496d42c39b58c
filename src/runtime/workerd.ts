import argon2 from "@phi-ag/argon2/argon2.wasm";
import type { ExecutionContext } from "hono";
import { createApp } from "../app.ts";
import { createAttemptMemory } from "../auth/attemptMemory.ts";
import { createKeyring } from "../auth/keys.ts";
import { createPasswords } from "../auth/passwords.ts";
import { openPool } from "../db/connection.ts";
import type { Deps } from "../http/deps.ts";
import { type Bindings, type EdgeConfig, edgeConfig, tellProblems } from "./edge/config.ts";
import { edgeHashing } from "./edge/hashing.ts";
import { consoleLog } from "./edge/log.ts";
import { answer, ofRequest, platformAddress } from "./edge/request.ts";
import { lastResort } from "./lastResort.ts";
import { purge } from "./purgeTimer.ts";

/** With the 3000 of Bun, 20 readers of long lists keep the checks of tokens from being answered in time. */
const LIST_PAGE_ROWS = 300;

/**
 * The app of an isolate. A hash is computed at once, while everything else waits. So there is no queue, in which one request
 * would compute the hash of another, but a limit to how many are let in.
 * @param others in place of what the platform gives, for tests
 */
export async function edgeApp(config: EdgeConfig, others: Partial<Deps> = {}) {
  const { passwordFormat: format, argon2: cost } = config;
  const gate = {
    concurrency: Number.POSITIVE_INFINITY,
    queueLimit: 0,
    places: Math.max(1, config.hashQueueLimit),
  };
  return createApp({
    config,
    database: (c, allowance) => ofRequest(c).database(allowance),
    hold: (c, reading) => ofRequest(c).hold(reading),
    listPageRows: LIST_PAGE_ROWS,
    passwords: createPasswords(edgeHashing(argon2, cost), { format, cost, ...gate }),
    keyring: await createKeyring([config.jwtSecretKey, ...config.previousSecrets]),
    attempts: createAttemptMemory(),
    clientAddress: (c) => ofRequest(c).address,
    clock: Date.now,
    log: consoleLog(config.logLevel),
    draining: () => false,
    ...others,
  });
}

let built: { config: EdgeConfig; app: Awaited<ReturnType<typeof edgeApp>> } | undefined;

/**
 * What an isolate keeps, made by its first request, since there are no random numbers before. It is kept once it is complete and
 * not while it is made: no request may wait for the work of another.
 * @throws ConfigError, whose problems are in the log
 */
async function ready(bindings: Bindings): Promise<NonNullable<typeof built>> {
  if (built) return built;
  const config = tellProblems(() => edgeConfig(bindings));
  for (const warning of config.warnings) consoleLog(config.logLevel).warn({}, warning);
  built = { config, app: await edgeApp(config) };
  return built;
}

/** What workerd calls: for a request, and by the clock (a cron trigger), since no timer outlives a request. */
export default {
  async fetch(request: Request, bindings: Bindings, execution: ExecutionContext): Promise<Response> {
    try {
      const { config, app } = await ready(bindings);
      const way = { target: config.database, address: platformAddress(request) };
      return await answer(app.fetch, way, request, execution);
    } catch {
      return lastResort(); // its configuration is no good
    }
  },
  async scheduled(_event: unknown, bindings: Bindings): Promise<void> {
    const { config } = await ready(bindings);
    const pool = openPool(config.database, 1);
    await purge(pool, Date.now, consoleLog(config.logLevel)).finally(() => pool.end());
  },
};
