import { version } from "../../package.json";
import { MEANINGS } from "../config/meanings.ts";
import { defaultOf, variableNames } from "../config/variables.ts";

/** Whether this is the program that `bun run build` makes: its files are in itself. */
const built = import.meta.dir.startsWith("/$bunfs/");
/** How the service is called here. The program is on no PATH: it is named by where it is. */
export const start = built ? process.execPath : "bun run src/index.ts";

/** How a command of ours is called here, such as `db:migrate`. */
export const call = (command: string): string => `${built ? process.execPath : "bun run"} ${command}`;

/** Whether an error is about arguments that a command does not take (`parseArgs` of node:util). */
export const isUsage = (error: unknown): boolean =>
  String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS");

const calls = [
  ["", "starts the service; Ctrl-C or SIGTERM stops it"],
  ...(built
    ? [
        ["db:migrate", "brings the database up to date"],
        ["user", "looks after accounts"],
        ["takeover:check", "looks at a database of the seed's service"],
      ]
    : []),
  ["--help", "shows this"],
].map(([argument, what]) => `  ${start} ${argument?.padEnd(16)}${what}`);

const USAGE = `latchkey ${version}: keeps users and hands out tokens.

${calls.join("\n")}

The service takes no other arguments. It is configured by the environment and by a file .env in the working directory; README.md has more.`;

/** What the service says to its arguments instead of starting. */
export interface Reply {
  text: string;
  exitCode: 0 | 2;
}

/** The reply to a call with arguments: the help, or that they are not known. Undefined without any: it starts. */
export function replyTo(args: string[]): Reply | undefined {
  if (args.length === 0) return undefined;
  if (args.every((arg) => arg === "--help" || arg === "-h"))
    return { text: `${USAGE}\n\n${table()}`, exitCode: 0 };
  const unknown = args.filter((arg) => arg !== "--help" && arg !== "-h").join(" ");
  return { text: `latchkey does not know: ${unknown}\n\n${USAGE}`, exitCode: 2 };
}

/** Every variable with its default and what it means: the names and defaults that are read, no list of their own. */
function table(): string {
  const rows = variableNames.map((name) => [`${name}=${defaultOf(name)}`, MEANINGS[name]] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, meaning]) => `  ${left.padEnd(width)}  ${meaning}`).join("\n");
}
