import { and, eq, gt, inArray, isNull, notExists } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { revokedTokens, sessions, users } from "./schema.ts";
import { tokensStillValid } from "./users.ts";

/** What is asked of a token before it is let in. */
export interface PresentedToken {
  username: string;
  jti: string;
  /** The refresh token of Flask's that it was got with. */
  parentJti: string | null;
  sessionId: string | null;
  /** When it was made, epoch seconds; asked only of tokens that name no session. */
  notBefore: number;
}

/** The user and session that stand behind a token that is good. */
export interface TokenOwner {
  userId: number;
  username: string;
  /** The session's counter; null for a token without one. */
  counter: number | null;
}

/**
 * Looks behind a token whose signature is good, in one statement: its user exists and is not disabled; neither it nor
 * what it was got with was revoked; its session, if it names one, is that user's own and has not run out; if it names
 * none, it is not older than the user's cutoff.
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
  const good = and(eq(users.username, token.username), isNull(users.disabledAt), notExists(revoked));
  const user = { userId: users.id, username: users.username };
  if (token.sessionId === null) {
    const fresh = tokensStillValid(token.notBefore);
    const [row] = await db.select(user).from(users).where(and(good, fresh)).limit(1);
    return row && { ...row, counter: null };
  }
  const [row] = await db
    .select({ ...user, counter: sessions.counter })
    .from(users)
    .innerJoin(sessions, eq(sessions.userId, users.id))
    .where(and(good, eq(sessions.id, token.sessionId), gt(sessions.expiresAt, nowSeconds)))
    .limit(1);
  return row;
}

/**
 * Blocks a token and what it was got with, for this service and for Flask.
 * @param expiresAt when the token ends by itself, epoch seconds
 * @param parentExpiresAt when its parent does
 * @returns how many were not blocked before
 */
export async function insertRevoked(
  db: Database,
  token: Pick<PresentedToken, "jti" | "parentJti">,
  expiresAt: number,
  parentExpiresAt = expiresAt,
): Promise<number> {
  const rows = jtisOf(token).map((jti, i) => ({ jti, expiresAt: i === 0 ? expiresAt : parentExpiresAt }));
  const [result] = await db.insert(revokedTokens).ignore().values(rows);
  return result.affectedRows;
}

const jtisOf = ({ jti, parentJti }: Pick<PresentedToken, "jti" | "parentJti">): string[] =>
  parentJti === null ? [jti] : [jti, parentJti];
