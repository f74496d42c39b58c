import { type AccountDetails, deleteUser, findAccount, setDisabled, setPassword } from "../db/accounts.ts";
import { deleteSessionsOf, listSessions } from "../db/sessions.ts";
import { inTransaction } from "../db/transaction.ts";
import { setTokensValidFrom } from "../db/users.ts";
import { refuseUsual, wallTime } from "./accounts.ts";
import { type AuthContext, nowSeconds } from "./context.ts";
import { hashMethod } from "./storedHash.ts";
import { failedLogins, forgetAccount } from "./throttle.ts";
import { cutoffAt } from "./tokens.ts";

/** What an operator is shown of an account. */
export interface AccountReport extends Omit<AccountDetails, "pwd"> {
  /** Scheme and price of its hash. */
  hash: string;
  sessions: number;
  /** Failed logins that count at the moment. */
  failedLogins: number;
}

/** The account of a name, or undefined. */
export async function describeAccount(
  context: AuthContext,
  username: string,
): Promise<AccountReport | undefined> {
  const account = await findAccount(context.db, username);
  if (!account) return undefined;
  const { pwd, ...details } = account;
  const live = await listSessions(context.db, account.id, nowSeconds(context));
  const failed = await failedLogins(context, account.id);
  return { ...details, hash: hashMethod(pwd), sessions: live.length, failedLogins: failed };
}

/**
 * Gives an account another password and ends all of its sessions and tokens, both or neither.
 * @throws ApiError `validation_failed` for a password that everybody tries first
 */
export async function resetPassword(
  context: AuthContext,
  account: { id: number; username: string },
  password: string,
): Promise<void> {
  await refuseUsual("password", password, account.username);
  const stored = await context.passwords.hash(password);
  await endingSessions(context, account.id, (tx) =>
    setPassword(tx, account.id, { ...stored, updatedAt: wallTime(context) }),
  );
}

/** Keeps a user out, and ends all sessions and tokens at once. */
export function disableAccount(context: AuthContext, id: number): Promise<void> {
  return endingSessions(context, id, (tx) => setDisabled(tx, id, nowSeconds(context)));
}

/** Lets a user in again; what was ended stays ended. */
export function enableAccount(context: AuthContext, id: number): Promise<void> {
  return setDisabled(context.db, id, null);
}

/** Ends all sessions of a user, and all tokens that name none. */
export function endSessions(context: AuthContext, id: number): Promise<void> {
  return endingSessions(context, id, async () => {});
}

/** Deletes an account with its sessions. */
export function deleteAccount(context: AuthContext, id: number): Promise<void> {
  return endingSessions(context, id, (tx) => deleteUser(tx, id));
}

/** Does something to an account and ends all of its tokens, both or neither. The user's row is taken first, as everywhere. */
async function endingSessions(
  context: AuthContext,
  id: number,
  work: (tx: AuthContext["db"]) => Promise<void>,
): Promise<void> {
  await inTransaction(context.db, async (tx) => {
    await setTokensValidFrom(tx, id, cutoffAt(nowSeconds(context)));
    await deleteSessionsOf(tx, id, null);
    await forgetAccount(tx, id); // a client that is known may be the thief's
    await work(tx);
  });
}
