import { v7 as uuidv7 } from "uuid";
import { isAnswerLost, isDuplicateKey } from "../db/failures.ts";
import { deleteSessionsOf, insertSession, trimSessions } from "../db/sessions.ts";
import { inTransaction } from "../db/transaction.ts";
import {
  findCredentials,
  insertUser,
  type NewUser,
  replacePassword,
  type StoredCredentials,
  unchangedPassword,
} from "../db/users.ts";
import { wallClock } from "../db/wallClock.ts";
import { ApiError } from "../errors.ts";
import { type Client, fitted, networkOf } from "./client.ts";
import { type AuthContext, nowSeconds } from "./context.ts";
import { type Credentials, checkPassword, renewHash } from "./credentials.ts";
import { usualPassword } from "./rules.ts";
import { issuePair, type TokenPair } from "./sessions.ts";
import { beginRegistration, forgetClients } from "./throttle.ts";
import { cutoffAt, LEEWAY_SECONDS } from "./tokens.ts";

/**
 * Creates an account for a client (the seed's `register`).
 * @throws ApiError `username_taken`, `validation_failed` for a password that everybody tries first, `overloaded`,
 * `too_many_attempts`
 */
export async function register(
  context: AuthContext,
  credentials: Credentials,
  client: Client,
): Promise<void> {
  await refuseUsual("password", credentials.password, credentials.username);
  const from = networkOf(client);
  await context.passwords.admit(from, async () => {
    await beginRegistration(context, client);
    await createAccount(context, credentials, from);
  });
}

/**
 * Creates an account.
 * @param from the network that waits for it, if any
 * @throws ApiError `username_taken`, `overloaded`
 */
export async function createAccount(
  context: AuthContext,
  { username, password }: Credentials,
  from?: string,
): Promise<void> {
  const stored = await context.passwords.hash(password, from);
  // Flask's clock may be behind ours, and the first token of a new account be made there.
  const tokensValidFrom = nowSeconds(context) - LEEWAY_SECONDS;
  await addUser(context, { username, ...stored, wallTime: wallTime(context), tokensValidFrom });
}

/** How often an insert is tried whose answer gets lost. */
const INSERT_ATTEMPTS = 3;

/**
 * Adds an account. If the answer is lost, it tries again: the unique index makes the second attempt wait for the first, should
 * the server still be working on it, and then tells whether the name is taken. Whether it was taken by us is looked up.
 */
async function addUser({ db }: AuthContext, user: NewUser): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await insertUser(db, user);
    } catch (error) {
      if (isDuplicateKey(error)) {
        const holder = await findCredentials(db, user.username);
        if (attempt > 1 && holder?.pwd === user.pwd) return;
        if (holder) throw new ApiError("username_taken", { cause: error });
        // No row has the name: it was freed in between, or the duplicate is the id, of which MySQL has none left.
      } else if (!isAnswerLost(error)) throw error;
      if (attempt === INSERT_ATTEMPTS) throw error;
    }
  }
}

/** Sessions that a user may have at once. Without a limit they could become too many for a change of password to end in time. */
const MAX_SESSIONS = 1000;
/** From this many on a login counts again: the number it knows is from before its hash, and other logins may be under way. */
const MANY_SESSIONS = 900;

/** How often a password is checked when its stored hash keeps changing between the check and what the check is for. */
const LOOKS = 3;

/**
 * Checks a password and opens a session (the seed's `login`). The work is the same whether or not the user exists.
 * @throws ApiError `unknown_username`, `invalid_password`, `account_disabled`, `hash_unsupported`, `overloaded`,
 * `too_many_attempts`
 */
export function login(context: AuthContext, credentials: Credentials, client: Client): Promise<TokenPair> {
  return context.passwords.admit(networkOf(client), async () => {
    for (let look = 0; look < LOOKS; look++) {
      const { user, outdated, attempt } = await checkPassword(context, credentials, client);
      const createdAt = nowSeconds(context);
      const expiresAt = createdAt + context.config.refreshTokenSeconds;
      const id = uuidv7({ msecs: context.clock() });
      const session = { id, userId: user.id, counter: 0, createdAt, expiresAt, ...fitted(client) };
      const unchanged = unchangedPassword(user);
      const opened = await inTransaction(context.db, (tx) => insertSession(tx, session, unchanged));
      if (!opened) continue;
      await attempt.succeeded(user);
      if (user.sessions >= MANY_SESSIONS) await trimSessions(context.db, user.id, MAX_SESSIONS);
      if (outdated) await renewHash(context, user, credentials.password, attempt.from);
      return issuePair(context, { username: user.username, sessionId: id, counter: 0, expiresAt });
    }
    throw new ApiError("invalid_password");
  });
}

/**
 * Changes a password and ends the user's other sessions, both or neither. Tokens that name no session (Flask's) end
 * too, even the one that asks: they cannot be told apart.
 * @throws ApiError `invalid_password` if the current one is wrong, `validation_failed`, `hash_unsupported`,
 * `overloaded`, `too_many_attempts`; `token_revoked` if the user is gone or disabled by now
 */
export async function changePassword(
  context: AuthContext,
  who: { username: string; sessionId: string | null },
  { password, newPassword }: { password: string; newPassword: string },
  client: Client,
): Promise<void> {
  await refuseUsual("newPassword", newPassword, who.username);
  const current = { username: who.username, password };
  await context.passwords.admit(networkOf(client), async () => {
    let { user, attempt } = await checkPassword(context, current, client).catch((error) => {
      if (!(error instanceof ApiError)) throw error;
      const isGone = error.code === "unknown_username" || error.code === "account_disabled";
      throw isGone ? new ApiError("token_revoked") : error; // as the next request will be told
    });
    const { from } = attempt;
    const stored = await context.passwords.hash(newPassword, from);
    for (let look = 0; look < LOOKS; look++) {
      if (await storePassword(context, user, stored, who.sessionId))
        return attempt.succeeded({ id: user.id, pwd: stored.pwd }, true);
      // A login renewed the hash, or it was changed. Whoever asks knew the password a moment ago, so this counts as no guess.
      const now = await findCredentials(context.db, user.username);
      if (now?.id !== user.id || !(await context.passwords.verify(password, now, { from })).matches) break;
      user = now;
    }
    throw new ApiError("invalid_password");
  });
}

/** Stores another password and ends all sessions but one, both or neither. @returns false if the password is not what it was */
function storePassword(
  context: AuthContext,
  user: StoredCredentials,
  stored: { pwd: string; salt: string },
  sessionId: string | null,
): Promise<boolean> {
  return inTransaction(context.db, async (tx) => {
    const change = {
      ...stored,
      updatedAt: wallTime(context),
      tokensValidFrom: cutoffAt(nowSeconds(context)),
    };
    if (!(await replacePassword(tx, user, change))) return false;
    await deleteSessionsOf(tx, user.id, sessionId);
    await forgetClients(tx, user.id); // one that knew the old password may be the thief's
    return true;
  }).catch(async (error) => {
    // Was only the answer to the COMMIT lost? What is stored is stored whole, and nobody else has this salt.
    const now = isAnswerLost(error) ? await findCredentials(context.db, user.username) : undefined;
    if (now?.pwd === stored.pwd) return true;
    throw error;
  });
}

/** @throws ApiError `validation_failed` for a password that gets guessed first */
export async function refuseUsual(field: string, password: string, username: string): Promise<void> {
  const reason = await usualPassword(password, username);
  if (reason) throw new ApiError("validation_failed", { errors: [{ field, message: `${field} ${reason}` }] });
}

/** The present on the wall clock of TZ, as the seed stores it. */
export const wallTime = (context: AuthContext): string => wallClock(context.config.timeZone)(context.clock());
