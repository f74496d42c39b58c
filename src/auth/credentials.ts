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
 * The user of a right password, and the attempt, which has succeeded once that was of use. The reason why a stored hash
 * cannot be checked goes to the log. Within a place of `admit`.
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
 * The user of a name in whatever normal form it is sent: who is kept in such a form, as Flask did; else in NFC, in which new
 * accounts are kept; else whom the database takes it for. It holds all letters beyond U+FFFF for the same one, finds none by a
 * text that is longer than its column, and lets some names (Hangul, Cyrillic with U+0306) stand in two forms side by side.
 */
async function findByAnyForm(db: Database, username: string): Promise<StoredCredentials | undefined> {
  const normal = normalForm(username);
  if (normal === username) return findCredentials(db, username);
  const asSent = await findCredentials(db, username);
  if (asSent && asSent.username !== asSent.username.normalize("NFC")) return asSent;
  return (await findCredentials(db, normal)) ?? asSent;
}

/**
 * Writes a password that was just found right in today's format and at today's price. Its failing does not fail the
 * login: the old hash still stands, and the next login tries again.
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
