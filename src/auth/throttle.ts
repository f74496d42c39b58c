import {
  type Attempts,
  countAttempt,
  findAttempts,
  forgetAttempts,
  hasRunOut,
  keepBucket,
  sumAttempts,
} from "../db/attempts.ts";
import { databaseFailure } from "../db/failures.ts";
import type { StoredCredentials } from "../db/users.ts";
import { ApiError } from "../errors.ts";
import { type Client, networkOf } from "./client.ts";
import { type AuthContext, nowSeconds } from "./context.ts";
import type { ThrottleKind } from "./observers.ts";
import type { Guard } from "./passwords.ts";

/** How long a client that has logged in is known for it, in seconds: 90 days from its last login. */
const KNOWN_SECONDS = 90 * 24 * 60 * 60;
/** That is stored anew at most once a day. */
const DAY_SECONDS = 24 * 60 * 60;

/** The buckets of one account; the last two are completed with a client's network. */
const bucketsOf = (userId: number) => ({
  failures: `failed:user:${userId}`,
  failuresFrom: `failed:user:${userId}:client:`,
  knownFrom: `known:user:${userId}:client:`,
});

/** One attempt at a password, which guards its own check. */
export interface Attempt extends Required<Guard> {
  /** Resolves when its failure, if it failed, counts on all instances. */
  stored(): Promise<void>;
  /**
   * Makes the client known for this account: once a session was opened, or a password changed.
   * @param user with the hash of then: if it has been changed since, nobody becomes known by it
   * @param anew all that were known have been forgotten
   */
  succeeded(user: Pick<StoredCredentials, "id" | "pwd">, anew?: boolean): Promise<void>;
}

/**
 * Lets an attempt at an account's password begin, or refuses it whatever the password. Failures count against the
 * account: in common for all clients that never logged in to it, and separately for each that has, so that whoever guesses
 * from elsewhere does not lock out the owner. They also count against the client, whatever the account. No success
 * clears a count: an attacker could log in to an account of their own in between.
 *
 * The limit is checked again when the hash's turn comes, so that attempts which wait in the same queue count each other: at
 * most those that are being hashed at that moment, on each instance, exceed a limit.
 * @param userId undefined: there is no such account, and only the client is counted
 * @throws ApiError `too_many_attempts`
 */
export async function beginAttempt(
  context: AuthContext,
  userId: number | undefined,
  client: Client,
): Promise<Attempt> {
  const { loginFailuresPerAccount, loginFailuresPerClient } = context.config;
  const network = networkOf(client);
  const byClient = `failed:client:${network}`;
  const account = userId === undefined ? undefined : bucketsOf(userId);
  const known = account && account.knownFrom + network;
  const failures = account ? [byClient, account.failures, account.failuresFrom + network] : [byClient];
  const stored = await lookUp(context, failures, known);
  const isKnown = known !== undefined && stored.has(known);
  // Against a known client only its own failures at this account count: many people may share its address.
  const byAccount = account && (isKnown ? account.failuresFrom + network : account.failures);

  const stillAllowed = () => {
    if (byAccount) requireBelow(context, byAccount, loginFailuresPerAccount, "login_account");
    if (!isKnown) requireBelow(context, byClient, loginFailuresPerClient, "login_client");
  };
  stillAllowed();
  const counting: Promise<number>[] = [];
  return {
    from: network,
    stillAllowed,
    failed() {
      counting.push(count(context, byClient));
      if (byAccount) counting.push(count(context, byAccount));
    },
    stored: async () => void (await Promise.all(counting)),
    async succeeded(user, anew = false) {
      if (known === undefined) return;
      const keptUntil = nowSeconds(context) + KNOWN_SECONDS;
      if (!anew && (stored.get(known)?.expiresAt ?? 0) > keptUntil - DAY_SECONDS) return;
      await keepBucket(context.db, known, keptUntil, user).catch((error) => warn(context, error));
    },
  };
}

/**
 * Counts a registration against its client.
 * @throws ApiError `too_many_attempts`
 */
export async function beginRegistration(context: AuthContext, client: Client): Promise<void> {
  const { registrationsPerClient } = context.config;
  const bucket = `registered:client:${networkOf(client)}`;
  // Is it still over? Another instance may have begun the window, so that it ends sooner than is known here.
  if (isOver(context, bucket, registrationsPerClient)) await lookUp(context, [bucket]);
  requireBelow(context, bucket, registrationsPerClient, "registration");
  const counted = await count(context, bucket);
  if (counted <= registrationsPerClient) return;
  await lookUp(context, [bucket]);
  throw tooMany(context, bucket, "registration");
}

/** What the database knows of buckets, whose counts of failures are taken over here; nothing, if it cannot say. */
async function lookUp(
  context: AuthContext,
  failures: string[],
  known?: string,
): Promise<Map<string, Attempts>> {
  const now = nowSeconds(context);
  const looked = failures.map((bucket) => context.attempts.look(bucket));
  try {
    const stored = await findAttempts(context.db, known ? [...failures, known] : failures, now);
    for (const [i, bucket] of failures.entries()) {
      const { count, expiresAt } = stored.get(bucket) ?? { count: 0, expiresAt: now };
      const current = hasRunOut(expiresAt, now, context.config.throttleWindowSeconds) ? 0 : count;
      context.attempts.refresh(bucket, current, expiresAt, looked[i], now);
    }
    return stored;
  } catch (error) {
    warn(context, error);
    return new Map();
  }
}

/** Counts one more: here, at once and in any case, and in the database for all instances. @returns the count then */
async function count(context: AuthContext, bucket: string): Promise<number> {
  const now = nowSeconds(context);
  const lasts = context.config.throttleWindowSeconds;
  context.attempts.count(bucket, now, lasts);
  try {
    const everywhere = await countAttempt(context.db, bucket, now, lasts);
    context.attempts.stored(bucket, everywhere, now);
    return everywhere;
  } catch (error) {
    warn(context, error);
    return context.attempts.find(bucket, now).count;
  }
}

/** Failed logins to an account that count at the moment: those in common, and those of each client that it knows. */
export function failedLogins(context: AuthContext, userId: number): Promise<number> {
  const { failures, failuresFrom } = bucketsOf(userId);
  const { throttleWindowSeconds } = context.config;
  return sumAttempts(context.db, failures, [failuresFrom], nowSeconds(context), throttleWindowSeconds);
}

/** Forgets the failed logins to an account, so that everybody may try again. */
export async function forgetFailures(db: AuthContext["db"], userId: number): Promise<void> {
  const { failures, failuresFrom } = bucketsOf(userId);
  await forgetAttempts(db, failures, [failuresFrom]);
}

/** Forgets which clients have logged in to an account: they are counted in common with all others then. */
export async function forgetClients(db: AuthContext["db"], userId: number): Promise<void> {
  await forgetAttempts(db, undefined, [bucketsOf(userId).knownFrom]);
}

/** Forgets all that is counted for an account, the clients included that have logged in to it. */
export async function forgetAccount(db: AuthContext["db"], userId: number): Promise<void> {
  const { failures, failuresFrom, knownFrom } = bucketsOf(userId);
  await forgetAttempts(db, failures, [failuresFrom, knownFrom]);
}

const isOver = (context: AuthContext, bucket: string, limit: number): boolean =>
  context.attempts.find(bucket, nowSeconds(context)).count >= limit;

function requireBelow(context: AuthContext, bucket: string, limit: number, kind: ThrottleKind): void {
  if (isOver(context, bucket, limit)) throw tooMany(context, bucket, kind);
}

function tooMany(context: AuthContext, bucket: string, kind: ThrottleKind): ApiError {
  const now = nowSeconds(context);
  context.onThrottled?.(kind);
  const { expiresAt } = context.attempts.find(bucket, now);
  return new ApiError("too_many_attempts", { retryAfterSeconds: Math.max(1, expiresAt - now) });
}

const warn = ({ log }: AuthContext, error: unknown): void =>
  log.warn({ code: databaseFailure(error)?.code }, "attempts are counted by this instance alone");
