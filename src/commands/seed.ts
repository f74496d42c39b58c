import { parseArgs } from "node:util";
import { wallTime } from "../auth/accounts.ts";
import { type AuthContext, nowSeconds } from "../auth/context.ts";
import { newUsername } from "../auth/rules.ts";
import { LEEWAY_SECONDS } from "../auth/tokens.ts";
import { insertUsersUnlessTaken } from "../db/users.ts";
import { Refused, runCommand } from "../runtime/command.ts";
import { withContext } from "../runtime/context.ts";
import { loadConfig } from "../runtime/environment.ts";
import { showProgress } from "../runtime/progress.ts";
import { tell } from "../runtime/tell.ts";

const MAX_USERS = 1_000_000;
const BATCH = 100;

const HELP = `bun run db:seed [--users NUMBER] [--yes]

  --users NUMBER    how many made-up users to add, 1 to ${MAX_USERS}; 100 when left out
  --yes             also on a configured database or with NODE_ENV=production, not only on the local one

For development: it needs the development packages. All of them get one password, which is printed at the end.
Exit code: 0 done, 2 usage, 3 it failed.`;

/** Adds that many users of made-up names; names that are taken are replaced by others. @returns their password */
async function seed(context: AuthContext, count: number): Promise<string> {
  const { faker } = await import("@faker-js/faker").catch(() => {
    throw new Error("it needs the development packages: run `bun install` without --production");
  });
  const password = `made-up-${crypto.randomUUID()}`;
  const stored = await context.passwords.hash(password); // once: a thousand hashes would take half a minute
  const common = {
    ...stored,
    wallTime: wallTime(context),
    tokensValidFrom: nowSeconds(context) - LEEWAY_SECONDS,
  };
  const progress = showProgress(count);
  for (let added = 0; added < count; ) {
    const names = new Set(
      Array.from({ length: Math.min(BATCH, count - added) }, () =>
        newUsername.parse(faker.internet.username().toLowerCase().slice(0, 30) + faker.string.numeric(4)),
      ),
    );
    added += await insertUsersUnlessTaken(
      context.db,
      [...names].map((username) => ({ username, ...common })),
    );
    progress(added);
  }
  return password;
}

/** `bun run db:seed`: fills a database for development. */
await runCommand(HELP, { what: "seeding failed", exitCode: 3 }, async () => {
  const { values } = parseArgs({
    options: {
      users: { type: "string", default: "100" },
      yes: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const count = /^\d{1,7}$/.test(values.users) ? Number(values.users) : 0;
  if (count < 1 || count > MAX_USERS) throw new Refused(HELP, 2);
  const { database, production } = loadConfig(process.env);
  if ((database || production) && !values.yes)
    throw new Refused("this is no local database: add --yes if made-up users are to go into it", 2);
  const password = await withContext(process.env, (context) => seed(context, count));
  tell(`${count} users added. The password of each of them is:`);
  process.stdout.write(`${password}\n`);
});
