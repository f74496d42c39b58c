/** The one program of the image: the service, or the command that the first argument names. */
const COMMANDS: Record<string, () => Promise<unknown>> = {
  "db:migrate": () => import("./migrate.ts"),
  user: () => import("./user.ts"),
  "takeover:check": () => import("./takeoverCheck.ts"),
};

const command = COMMANDS[process.argv[2] ?? ""];
if (command) process.argv.splice(2, 1); // the rest is its own
await (command ?? (() => import("../index.ts")))();

export {};
