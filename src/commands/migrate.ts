import { parseArgs } from "node:util";
import { migrate } from "../db/migrate.ts";
import { provideDatabase } from "../runtime/database.ts";
import { loadConfig, migrationsFolder } from "../runtime/environment.ts";
import { call, isUsage } from "../runtime/help.ts";
import { startFailure, tell } from "../runtime/welcome.ts";

/** The environment with a secret that nobody has: a migration signs nothing, and must not be refused for one. */
const withoutSecret = (environment: Record<string, string | undefined>) => ({
  ...environment,
  JWT_SECRET_KEY: crypto.randomUUID() + crypto.randomUUID(),
  JWT_SECRET_KEY_FILE: undefined,
  JWT_SECRET_KEY_PREVIOUS: undefined,
  JWT_SECRET_KEY_PREVIOUS_FILE: undefined,
});

const HELP = `${call("db:migrate")}

Brings the database that the environment names (or the local one) up to date. No command takes that back.

Exit code: 0 done, 1 it failed, 2 usage.`;

/** `bun run db:migrate` */
async function main(): Promise<number> {
  try {
    const { values } = parseArgs({ options: { help: { type: "boolean" } } });
    if (values.help) {
      process.stdout.write(`${HELP}\n`);
      return 0;
    }
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
    if (isUsage(error)) {
      tell(HELP);
      return 2;
    }
    tell(startFailure(error, "migration failed"));
    return 1;
  }
}

process.exit(await main());
