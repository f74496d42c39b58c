/** The one program of the image: the service, or the command that the first argument names. */
const COMMANDS = new Map<string | undefined, () => Promise<unknown>>([
  ["db:migrate", () => import("./migrate.ts")],
  ["user", () => import("./user.ts")],
  ["takeover:check", () => import("./takeoverCheck.ts")],
]);

const command = COMMANDS.get(process.argv[2]);
if (command) process.argv.splice(2, 1); // the rest is its own
await (command ?? (() => import("../index.ts")))();

export {};
