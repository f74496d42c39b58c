import { parseArgs } from "node:util";
import { migrate } from "../db/migrate.ts";
import { runCommand } from "../runtime/command.ts";
import { provideDatabase } from "../runtime/database.ts";
import { loadConfig, migrationsFolder } from "../runtime/environment.ts";
import { call } from "../runtime/help.ts";
import { tell } from "../runtime/tell.ts";

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

await runCommand(HELP, { what: "migration failed", exitCode: 1 }, async () => {
  const { values } = parseArgs({ options: { help: { type: "boolean" } } });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const config = loadConfig(withoutSecret(process.env));
  const database = await provideDatabase(config, tell, tell, { shared: true });
  try {
    const applied = await migrate(database.target, migrationsFolder, tell);
    tell(applied === 0 ? "nothing to migrate" : `migrated: ${applied} file(s) applied`);
  } finally {
    await database.stop();
  }
});
