import type { Database } from "../db/connection.ts";
import { databaseFailure } from "../db/failures.ts";
import { findCredentials, replacePassword, type StoredCredentials } from "../db/users.ts";
import { ApiError } from "../errors.ts";
import type { Client } from "./client.ts";
import type { AuthContext } from "./context.ts";
import { normalForm } from "./normalForm.ts";
import { hashMethod } from "./storedHash.ts";
import { type Attempt, beginAttempt } from "./throttle.ts";

export interface Credentials {
  username: string;
  password: string;
}

/**
 * Checks a password, within a place of `admit`. Why a stored hash cannot be checked goes to the log.
 * @returns its user, and the attempt: it has `succeeded` once the caller has opened a session or changed the password
 * @throws ApiError `unknown_username`, `invalid_password`, `account_disabled`, `hash_unsupported`, `overloaded`,
 * `too_many_attempts`
 */
export async function checkPassword(
  context: AuthContext,
  { username, password }: Credentials,
  client: Client,
): Promise<{ user: StoredCredentials; outdated: boolean; attempt: Attempt }> {
  const user = await findByAnyForm(context.db, username);
  const attempt = await beginAttempt(context, user?.id, client);
  const { matches, fault, outdated = false } = await context.passwords.verify(password, user, attempt);
  await attempt.stored();
  if (!user) throw new ApiError("unknown_username");
  if (fault) {
    const method = hashMethod(user.pwd);
    context.log.warn({ userId: user.id, fault, method }, "stored password hash cannot be verified");
  }
  if (fault === "unsupported") throw new ApiError("hash_unsupported");
  if (!matches) throw new ApiError("invalid_password");
  if (user.disabledAt !== null) throw new ApiError("account_disabled");
  return { user, outdated, attempt };
}

/**
 * The user of a name, in whatever Unicode normal form it is sent: an account stored unnormalised, as Flask did; else one in
 * NFC, as new accounts are stored; else whichever the collation finds. The collation alone would not do: to it all letters beyond
 * U+FFFF are equal, a text longer than the column matches nothing, and some names (Hangul, Cyrillic with U+0306) differ by form.
 */
async function findByAnyForm(db: Database, username: string): Promise<StoredCredentials | undefined> {
  const normal = normalForm(username);
  if (normal === username) return findCredentials(db, username);
  const asSent = await findCredentials(db, username);
  if (asSent && asSent.username !== asSent.username.normalize("NFC")) return asSent;
  return (await findCredentials(db, normal)) ?? asSent;
}

/**
 * Stores a password that was just found right anew, in today's format and at today's price. If that fails the login does
 * not: the old hash still stands, and the next login tries again.
 * @param from the network that waits for it
 */
export async function renewHash(
  context: AuthContext,
  user: StoredCredentials,
  password: string,
  from: string,
): Promise<void> {
  try {
    await replacePassword(context.db, user, await context.passwords.hash(password, from));
  } catch (error) {
    const code = error instanceof ApiError ? error.code : databaseFailure(error)?.code;
    context.log.warn({ userId: user.id, code }, "password hash not renewed");
  }
}
