import { createAttemptMemory } from "../auth/attemptMemory.ts";
import type { AuthContext } from "../auth/context.ts";
import { createKeyring } from "../auth/keys.ts";
import type { GateObserver } from "../auth/observers.ts";
import { createPasswords } from "../auth/passwords.ts";
import type { Config } from "../config.ts";
import { closePool, openDatabase, openPool } from "../db/connection.ts";
import { migrate } from "../db/migrate.ts";
import { bunHashing, bunHmac, cores } from "./bun.ts";
import { provideDatabase } from "./database.ts";
import { loadConfig, migrationsFolder } from "./environment.ts";
import { createLog } from "./log.ts";
import { tell } from "./tell.ts";

/** Password hashing as this process is configured. */
export const configuredPasswords = (config: Config, observer?: GateObserver) =>
  createPasswords(
    bunHashing(config.argon2),
    {
      format: config.passwordFormat,
      cost: config.argon2,
      concurrency: config.hashConcurrency ?? cores(),
      queueLimit: config.hashQueueLimit,
    },
    observer,
  );

/** The keys that this process signs and verifies with. */
export const configuredKeyring = (config: Config) =>
  createKeyring([config.jwtSecretKey, ...config.previousSecrets], bunHmac);

/**
 * Runs an operator's command on the configured database, or on the local one, also while a service uses that.
 * @throws what the work, the configuration or the database throws
 */
export async function withContext<T>(
  environment: Record<string, string | undefined>,
  work: (context: AuthContext) => Promise<T>,
): Promise<T> {
  const config = loadConfig(environment);
  const database = await provideDatabase(config, () => {}, tell, { shared: true });
  if (!config.database) await migrate(database.target, migrationsFolder, tell); // nothing else keeps a local one up to date
  const pool = openPool(database.target, 2);
  try {
    const db = openDatabase(pool);
    return await work({
      config,
      db,
      shared: db,
      limited: (allowance) => openDatabase(pool, allowance),
      allowance: { leftMs: Number.POSITIVE_INFINITY },
      passwords: configuredPasswords(config),
      keyring: await configuredKeyring(config),
      attempts: createAttemptMemory(),
      clock: Date.now,
      log: createLog("silent"),
    });
  } finally {
    await closePool(pool);
    await database.stop();
  }
}
