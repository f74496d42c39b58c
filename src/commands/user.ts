import { parseArgs } from "node:util";
import type { z } from "zod";
import { createAccount, refuseUsual } from "../auth/accounts.ts";
import {
  deleteAccount,
  describeAccount,
  disableAccount,
  enableAccount,
  endSessions,
  resetPassword,
} from "../auth/admin.ts";
import type { AuthContext } from "../auth/context.ts";
import { newPassword, newUsername } from "../auth/rules.ts";
import { forgetFailures } from "../auth/throttle.ts";
import { accountPages } from "../db/accounts.ts";
import { ApiError } from "../errors.ts";
import { askSecret } from "../runtime/ask.ts";
import { jsonLine, plainLine, Refused, runCommand } from "../runtime/command.ts";
import { withContext } from "../runtime/context.ts";
import { call } from "../runtime/help.ts";

const HELP = `${call("user")} COMMAND [NAME] [--json]

  list                 every account
  show NAME            one account: its hash's kind, its sessions
  add NAME             a new account; asks for the password, or reads standard input
  set-password NAME    another password, asked for likewise; ends all sessions
  disable NAME         keeps the user out; ends all sessions and tokens at once
  enable NAME          lets the user in again
  end-sessions NAME    ends all sessions and tokens
  unblock NAME         forgets the failed logins to this account (not those that count against a client)
  delete NAME          deletes the account and its sessions

Exit code: 0 done, 1 there is no such account or the name or password is refused, 2 usage, 3 configuration or database failed.`;

/** Prints lines, or what they say as JSON. */
function print(json: boolean, value: object, ...lines: string[]): void {
  process.stdout.write(`${json ? jsonLine(value) : lines.map(plainLine).join("\n")}\n`);
}

const ACTIONS: Record<string, { done: string; run: (context: AuthContext, id: number) => Promise<void> }> = {
  disable: { done: "disabled, all sessions ended", run: disableAccount },
  enable: { done: "enabled", run: enableAccount },
  unblock: { done: "failed logins forgotten", run: ({ db }, id) => forgetFailures(db, id) },
  "end-sessions": { done: "all sessions ended", run: endSessions },
  delete: { done: "deleted", run: deleteAccount },
};

async function run(context: AuthContext, command: string, name: string, json: boolean): Promise<void> {
  const ask = async (username: string) =>
    valid(
      newPassword("password", context.config.passwordMinLength),
      await askSecret(`password for ${plainLine(username)}: `),
    );
  if (command === "list") return list(context, json);
  if (command === "add") {
    const username = valid(newUsername, name);
    const password = await ask(username);
    await refuseUsual("password", password, username);
    await createAccount(context, { username, password });
    return print(json, { username, done: "added" }, `${username}: added`);
  }
  const account = await describeAccount(context, name);
  if (!account) throw new Refused("there is no account of that name");
  if (command === "show") {
    const lines = Object.entries(account).map(([key, value]) => `${key.padEnd(12)} ${value ?? "-"}`);
    return print(json, account, ...lines);
  }
  const { username } = account;
  const action = ACTIONS[command];
  if (action) await action.run(context, account.id);
  else await resetPassword(context, account, await ask(username));
  const done = action?.done ?? "password set, all sessions ended";
  print(json, { username, done }, `${username}: ${done}`);
}

async function list(context: AuthContext, json: boolean): Promise<void> {
  for await (const page of accountPages(context.db)) {
    for (const { pwd: _, ...account } of page) {
      const text = `${String(account.id).padStart(8)}  ${account.created_at}  ${account.disabledAt === null ? "        " : "disabled"}  ${account.username}`;
      print(json, account, text);
    }
  }
}

function valid(schema: z.ZodType<string>, value: string): string {
  const result = schema.safeParse(value);
  if (!result.success) throw new Refused(result.error.issues.map(({ message }) => message).join("; "));
  return result.data;
}

await runCommand(HELP, { what: "failed", exitCode: 3 }, async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  const [command = "", name, ...more] = positionals;
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const named = ["show", "add", "set-password", ...Object.keys(ACTIONS)].includes(command);
  if ((!named && command !== "list") || named !== (name !== undefined) || more.length > 0)
    throw new Refused(HELP, 2);
  await withContext(process.env, (context) => run(context, command, name ?? "", values.json)).catch(
    (error) => {
      if (!(error instanceof ApiError)) throw error;
      throw new Refused(error.errors?.map(({ message }) => message).join("; ") ?? error.message);
    },
  );
});
