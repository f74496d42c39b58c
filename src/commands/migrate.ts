import { migrate } from "../db/migrate.ts";
import { provideDatabase } from "../runtime/database.ts";
import { loadConfig, migrationsFolder } from "../runtime/environment.ts";
import { startFailure, tell } from "../runtime/welcome.ts";

/** The environment with a secret that nobody has: a migration signs nothing, and must not be refused for one. */
const withoutSecret = (environment: Record<string, string | undefined>) => ({
  ...environment,
  JWT_SECRET_KEY: crypto.randomUUID() + crypto.randomUUID(),
  JWT_SECRET_KEY_FILE: undefined,
  JWT_SECRET_KEY_PREVIOUS: undefined,
  JWT_SECRET_KEY_PREVIOUS_FILE: undefined,
});

/** `bun run db:migrate`: brings the configured (or local) database up to date. Exit code 1 if it could not. */
async function main(): Promise<number> {
  try {
    const database = await provideDatabase(loadConfig(withoutSecret(process.env)), tell, tell, {
      shared: true,
    });
    try {
      const applied = await migrate(database.target, migrationsFolder);
      tell(applied === 0 ? "nothing to migrate" : `migrated: ${applied} file(s) applied`);
    } finally {
      await database.stop();
    }
    return 0;
  } catch (error) {
    tell(startFailure(error, "migration failed"));
    return 1;
  }
}

process.exit(await main());
