import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { verify } from "hono/jwt";
import { createKeyring } from "../auth/keys.ts";
import { inspectTakeover, type TakeoverReport } from "../auth/takeover.ts";
import { weakSecret } from "../config/secrets.ts";
import { parseConfig } from "../config.ts";
import { withConnection } from "../db/connection.ts";
import { countPending } from "../db/migrate.ts";
import { describeRepeated } from "../db/repeatedNames.ts";
import { jsonLine, plainLine, Refused, runCommand } from "../runtime/command.ts";
import { migrationsFolder, readText } from "../runtime/environment.ts";
import { call } from "../runtime/help.ts";

const HELP = `${call("takeover:check")} [--json] [--token-file FILE]

Reads the database that the environment names (MYSQL_… or DATABASE_URL) and the secret (JWT_SECRET_KEY,
JWT_SECRET_KEY_FILE or SECRET_KEY), changes nothing, and says whether \`${call("db:migrate")}\` can take it over.

  --json             the report as JSON
  --token-file FILE  a token of the running service (- reads it from standard input): is the secret the one it was
                     signed with, byte for byte?

Exit code: 0 ready, 1 something is in the way, 2 usage, or database, settings or token could not be read.`;

interface SecretReport {
  /** Why production refuses it; null: it does not. */
  weakness: string | null;
  /** Whether the token was signed with it; null: no token was given. */
  signedToken: boolean | null;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: "boolean" }, "token-file": { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  // Production's refusals are what is reported on, so they must not end it here.
  const environment: Record<string, string | undefined> = { ...process.env, NODE_ENV: "development" };
  const named = environment.JWT_SECRET_KEY_FILE || environment.JWT_SECRET_KEY || environment.SECRET_KEY;
  if (!named) throw new Error("no secret is given: set JWT_SECRET_KEY, JWT_SECRET_KEY_FILE or SECRET_KEY");
  const config = parseConfig(environment, readText);
  if (!config.database)
    throw new Error("no database is given: set MYSQL_HOSTNAME and its companions, or DATABASE_URL");

  const file = values["token-file"];
  const token = file === undefined ? undefined : tokenIn(readFileSync(file === "-" ? 0 : file, "utf8"));
  const secret: SecretReport = {
    weakness: weakSecret(config.jwtSecretKey) ?? null,
    signedToken: token === undefined ? null : await signed(token, config.jwtSecretKey),
  };
  const report = await withConnection(config.database, inspectTakeover);
  if (secret.signedToken === false) report.obstacles.push("the token was not signed with this secret");
  const ready = report.obstacles.length === 0;
  const pendingMigrations = await countPending(config.database, migrationsFolder);
  process.stdout.write(
    values.json
      ? `${jsonLine({ ...report, secret, pendingMigrations, ready })}\n`
      : describe(report, secret, pendingMigrations),
  );
  return ready ? 0 : 1;
}

/** @throws Refused for what a login that failed leaves there: nothing, or `null` */
function tokenIn(text: string): string {
  const [, token] = /^\s*(?:Bearer\s+)?([\w-]+\.[\w-]+\.[\w-]+)\s*$/.exec(text) ?? [];
  if (token === undefined)
    throw new Refused(
      "the token file holds no token: log in at the running service again, and look at its answer",
      2,
    );
  return token;
}

async function signed(token: string, secret: string): Promise<boolean> {
  const [{ key }] = await createKeyring([secret]); // not the text: Hono would take some for a PEM file
  const times = { exp: false, nbf: false, iat: false };
  return verify(token, key, { alg: "HS256", ...times }).then(
    () => true,
    () => false,
  );
}

function describe(report: TakeoverReport, secret: SecretReport, pending: number): string {
  const lines = [`users               ${report.users}`];
  for (const [method, count] of Object.entries(report.hashes)) lines.push(`  ${method.padEnd(32)} ${count}`);
  for (const [fault, { count, ids }] of Object.entries(report.faultyHashes)) {
    lines.push(
      `  cannot log in here: ${fault.padEnd(17)} ${count} (user ids ${ids.join(", ")}${count > ids.length ? ", …" : ""})`,
    );
  }
  lines.push(`repeated usernames  ${report.repeatedUsernames.length}`);
  for (const one of report.repeatedUsernames.slice(0, 50)) lines.push(`  ${describeRepeated(one)}`);
  lines.push("tables");
  for (const { name, engine, columns } of report.tables) {
    lines.push(
      `  ${name} (${engine ?? "no table"})`,
      ...columns.map(({ name, type, collation }) =>
        plainLine(`    ${name.padEnd(12)} ${type} ${collation ?? ""}`.trimEnd()),
      ),
    );
  }
  const { rows, withoutJti, repeated } = report.revoked;
  lines.push(`revoked tokens      ${rows} (${withoutJti} without jti, ${repeated} repeated)`);
  lines.push(`alembic version     ${plainLine(report.alembicVersion ?? "none")} (left alone)`);
  lines.push(
    `secret              ${secret.weakness ? `refused in production: ${secret.weakness}` : "fit for production"}`,
  );
  if (secret.signedToken !== null)
    lines.push(
      `  ${secret.signedToken ? "the token was signed with it" : "THE TOKEN WAS NOT SIGNED WITH IT"}`,
    );
  let verdict = `ready: run \`${call("db:migrate")}\``;
  if (pending === 0) verdict = "taken over already, nothing is left to migrate";
  if (report.obstacles.length > 0)
    verdict = `not ready:\n${report.obstacles.map((one) => `  - ${one}`).join("\n")}`;
  return `${lines.join("\n")}\nverdict             ${verdict}\n`;
}

await runCommand(HELP, { what: "takeover:check failed", exitCode: 2 }, main);
