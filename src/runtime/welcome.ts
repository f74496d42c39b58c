import type { Config } from "../config.ts";
import { start } from "./help.ts";
import { tell } from "./tell.ts";

/** What a developer wants to know after the start: where it is, what to try, what still stands at its default. */
export function welcome(
  url: URL,
  database: string,
  config: Config,
  environment: Record<string, string | undefined>,
): void {
  const everywhere = config.host === "0.0.0.0" || config.host === "::";
  const origin = everywhere ? `http://localhost:${url.port}` : url.origin;
  const body = `'{"username":"ada","password":"a long passphrase"}'`;
  tell(`
latchkey answers at ${origin}
  database  ${database}
  zone      ${config.timeZone}${config.docs ? `\n  docs      ${origin}/docs` : ""}
  try       curl -s ${origin}/api/register -H 'Content-Type: application/json' -d ${body}
            curl -s ${origin}/api/login -H 'Content-Type: application/json' -d ${body}
${hints(config, environment)}`);
}

/** What an operator sets before others rely on it, and what stands there as long as that is not done. */
const DEFAULTS: [variables: string[], hint: (config: Config) => string][] = [
  [["DATABASE_URL", "MYSQL_HOSTNAME"], ({ dataFolder }) => `a database of its own, in ${dataFolder}`],
  [
    ["JWT_SECRET_KEY", "JWT_SECRET_KEY_FILE", "SECRET_KEY"],
    ({ dataFolder }) => `a signing secret that was made for you, in ${dataFolder}`,
  ],
  [["CORS_ORIGINS"], () => "pages of any origin may call"],
  [["TZ"], ({ timeZone }) => `the machine's zone, ${timeZone}`],
  [["NODE_ENV"], () => "development; production refuses what is unsafe"],
];

/** A line for each thing that still stands at its default. */
function hints(config: Config, environment: Record<string, string | undefined>): string {
  const open = DEFAULTS.filter(([variables]) => variables.every((name) => !environment[name]));
  if (open.length === 0) return "";
  const lines = open.map(([[variable = ""], hint]) => `    ${variable.padEnd(15)} ${hint(config)}\n`);
  return `  still at its default (${start} --help shows all variables)\n${lines.join("")}`;
}
