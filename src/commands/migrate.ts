import { migrate } from "../db/migrate.ts";
import { provideDatabase } from "../runtime/database.ts";
import { loadConfig, migrationsFolder } from "../runtime/environment.ts";
import { startFailure, tell } from "../runtime/welcome.ts";

/** `bun run db:migrate`: brings the configured (or local) database up to date. Exit code 1 if it could not. */
async function main(): Promise<number> {
  try {
    const database = await provideDatabase(loadConfig(process.env), tell, tell);
    try {
      const applied = await migrate(database.target, migrationsFolder);
      tell(applied === 0 ? "nothing to migrate" : `migrated: ${applied} file(s) applied`);
    } finally {
      await database.stop();
    }
    return 0;
  } catch (error) {
    tell(startFailure(error).replace("latchkey cannot start", "migration failed"));
    return 1;
  }
}

process.exit(await main());
