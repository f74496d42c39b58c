import { and, eq, gt, inArray, notExists } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { isConflict } from "./failures.ts";
import { revokedTokens, sessions, users } from "./schema.ts";

/** A new session, as a login opens it. Times in epoch seconds. */
export interface NewSession {
  id: string;
  userId: number;
  createdAt: number;
  expiresAt: number;
  userAgent: string | null;
  address: string | null;
}

/** Opens a session. */
export async function insertSession(db: Database, session: NewSession): Promise<void> {
  await db.insert(sessions).values({ ...session, lastUsedAt: session.createdAt });
}

/** What is asked of a token before it is let in: whose it is, which one, got with which, and of which session. */
export interface PresentedToken {
  username: string;
  jti: string;
  parentJti: string | null;
  sessionId: string | null;
}

/** The user and session that stand behind a token that is good. */
export interface TokenOwner {
  userId: number;
  username: string;
}

/**
 * Looks behind a token whose signature is good, in one statement: its user exists, neither it nor its session was
 * revoked, and the session (if it names one) is that user's own and has not run out.
 * @returns undefined if any of that is not so
 */
export async function findTokenOwner(
  db: Database,
  token: PresentedToken,
  nowSeconds: number,
): Promise<TokenOwner | undefined> {
  const revoked = db
    .select({ id: revokedTokens.id })
    .from(revokedTokens)
    .where(inArray(revokedTokens.jti, jtisOf(token)));
  const query = db.select({ userId: users.id, username: users.username }).from(users).$dynamic();
  if (token.sessionId !== null) {
    query.innerJoin(
      sessions,
      and(
        eq(sessions.id, token.sessionId),
        eq(sessions.userId, users.id),
        gt(sessions.expiresAt, nowSeconds),
      ),
    );
  }
  const [owner] = await query.where(and(eq(users.username, token.username), notExists(revoked))).limit(1);
  return owner;
}

/** Notes that a session was used to get an access token. */
export async function touchSession(db: Database, id: string, nowSeconds: number): Promise<void> {
  await db.update(sessions).set({ lastUsedAt: nowSeconds }).where(eq(sessions.id, id));
}

/**
 * Ends a session and blocks the token it was ended with, both or neither. The row in `revoked_tokens` is for Flask,
 * which knows no sessions; deleting the session is what ends every other token of it. A token without a session takes
 * the refresh token it was got with along.
 * @param expiresAt when the token ends by itself, epoch seconds
 * @param parentExpiresAt when that refresh token does, epoch seconds
 * @throws if it could not be stored
 */
export async function revokeSession(
  db: Database,
  token: PresentedToken,
  expiresAt: number,
  parentExpiresAt: number,
): Promise<void> {
  await retryConflicts(() =>
    db.transaction(async (tx) => {
      const rows = jtisOf(token).map((jti, i) => ({ jti, expiresAt: i === 0 ? expiresAt : parentExpiresAt }));
      await tx.insert(revokedTokens).ignore().values(rows);
      if (token.sessionId !== null) await tx.delete(sessions).where(eq(sessions.id, token.sessionId));
    }),
  );
}

/** Runs a whole transaction again, at most twice, when the server rolled it back for a deadlock. */
async function retryConflicts<T>(work: () => Promise<T>, retries = 2): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (retries === 0 || !isConflict(error)) throw error;
    return retryConflicts(work, retries - 1);
  }
}

const jtisOf = ({ jti, parentJti }: PresentedToken): string[] =>
  parentJti === null ? [jti] : [jti, parentJti];
