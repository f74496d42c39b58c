import { createApp } from "./app.ts";
import { createAttemptMemory } from "./auth/attemptMemory.ts";
import { closePool, openDatabase, openPool } from "./db/connection.ts";
import { countPending, migrate } from "./db/migrate.ts";
import { connectionAddress } from "./runtime/bun.ts";
import { configuredKeyring, configuredPasswords } from "./runtime/context.ts";
import { provideDatabase } from "./runtime/database.ts";
import { loadConfig, migrationsFolder } from "./runtime/environment.ts";
import { letHashesGiveWay } from "./runtime/hashThreads.ts";
import { call, replyTo } from "./runtime/help.ts";
import { createLog } from "./runtime/log.ts";
import { createMetrics } from "./runtime/metrics.ts";
import { startPurging } from "./runtime/purgeTimer.ts";
import { serve, serveMetrics } from "./runtime/server.ts";
import { onShutdown } from "./runtime/shutdown.ts";
import { startFailure, tell } from "./runtime/tell.ts";
import { welcome } from "./runtime/welcome.ts";

const reply = replyTo(process.argv.slice(2));
if (reply) {
  (reply.exitCode === 0 ? process.stdout : process.stderr).write(`${reply.text}\n`);
  process.exit(reply.exitCode);
}

/** The Bun process: configuration → database → app → server → drain. */
async function main(): Promise<void> {
  process.stderr.on("error", () => {}); // its reader has ended, and the service goes on
  const config = loadConfig(process.env);
  const log = createLog(config.logLevel);
  for (const warning of config.warnings) {
    log.warn({}, warning);
    tell(`warning: ${warning}`);
  }
  const clock = Date.now;
  const closers: (() => unknown)[] = []; // run last to first
  let draining = false;
  const shutdown = onShutdown(async (reason) => {
    draining = true;
    log.info({ reason }, "draining");
    while (closers.length > 0) await closers.pop()?.();
    log.info({}, "stopped");
  }, config.drainSeconds);

  try {
    const database = await provideDatabase(config, tell, (reason) => {
      tell(`the local database is lost: ${reason}`);
      shutdown("database lost", 1);
    });
    closers.push(database.stop);
    if (config.migrateOnStart) await migrate(database.target, migrationsFolder, tell);
    else if ((await countPending(database.target, migrationsFolder)) > 0) {
      throw new Error(
        `the database lacks migrations and MIGRATE_ON_START is off: run \`${call("db:migrate")}\` first`,
      );
    }
    const pool = openPool(database.target, config.databasePoolSize, {
      onRefused: (failure) =>
        log.error({ ...failure }, "the database refuses a setting that answers rest on"),
    });
    closers.push(() => closePool(pool));
    const metrics = createMetrics();
    const passwords = configuredPasswords(config, metrics.gate);
    metrics.watchGate(passwords.depth);
    closers.push(letHashesGiveWay());
    metrics.watchPool(pool);
    const shared = openDatabase(pool);
    const app = createApp({
      config,
      database: (_, allowance) => (allowance ? openDatabase(pool, allowance) : shared),
      passwords,
      keyring: await configuredKeyring(config),
      attempts: createAttemptMemory(),
      clientAddress: connectionAddress,
      clock,
      log,
      draining: () => draining,
      docs: async () => (await import("./runtime/docs.ts")).docsFiles,
      metrics: { ...metrics, print: config.metrics ? undefined : metrics.print },
    });
    closers.push(startPurging(pool, config.purgeIntervalSeconds, clock, log, metrics.purge));
    if (config.metrics) serveMetrics(metrics.print, config.metrics); // to the process's end
    const server = serve(app.fetch, config, () => draining);
    closers.push(() => server.stop());
    closers.push(() => Bun.sleep(config.drainSeconds * 1000));
    log.info({ address: server.url.origin, database: database.description }, "listening");
    if (!config.production) welcome(server.url, database.description, config, process.env);
  } catch (error) {
    if (draining) return; // stopped while starting: what broke off is no failure
    tell(startFailure(error));
    shutdown("start failed", 1);
  }
}

main().catch((error) => {
  tell(startFailure(error));
  process.exit(1);
});
