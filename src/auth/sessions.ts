import { deleteSession, deleteSessionsOf, listSessions, touchSession } from "../db/sessions.ts";
import { findTokenOwner, insertRevoked, type PresentedToken, type TokenOwner } from "../db/tokens.ts";
import { inTransaction } from "../db/transaction.ts";
import { setTokensValidFrom } from "../db/users.ts";
import { wallClock } from "../db/wallClock.ts";
import { ApiError } from "../errors.ts";
import { type AuthContext, nowSeconds, type SharedQuestions } from "./context.ts";
import { type Claims, cutoffAt, issueToken, LEEWAY_SECONDS } from "./tokens.ts";

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
}

/** What a logout ends: this session, the user's other ones, or all of them. */
export type LogoutScope = "session" | "others" | "all";

/** A session as a pair of tokens is made for it. `expiresAt` in epoch seconds: when the session ends. */
export interface SessionGrant {
  username: string;
  sessionId: string;
  counter: number;
  expiresAt: number;
}

/** A pair of tokens for a session. Neither outlives it. */
export async function issuePair(context: AuthContext, grant: SessionGrant): Promise<TokenPair> {
  const issuedAt = nowSeconds(context);
  const { username, sessionId, counter, expiresAt } = grant;
  const accessExpiry = Math.min(issuedAt + context.config.accessTokenSeconds, expiresAt);
  const [accessToken, refreshToken] = await Promise.all([
    issueToken(context.keyring, { type: "access", username, sessionId, issuedAt, expiresAt: accessExpiry }),
    issueToken(context.keyring, { type: "refresh", username, sessionId, counter, issuedAt, expiresAt }),
  ]);
  return { accessToken, refreshToken };
}

/**
 * Asks the database whether a token still stands: for every request, since another instance may have ended it.
 * @throws ApiError `token_revoked` if its user is gone or it or its session was ended
 */
export async function requireLive(
  context: SharedQuestions,
  claims: Claims,
  withUsers = false,
): Promise<TokenOwner> {
  const owner = await findLive(context, claims, withUsers);
  if (!owner) throw new ApiError("token_revoked");
  return owner;
}

/** The same, but undefined for a token that does not stand. */
export const findLive = (
  context: SharedQuestions,
  claims: Claims,
  withUsers = false,
): Promise<TokenOwner | undefined> =>
  findTokenOwner(context, presented(claims), nowSeconds(context) - LEEWAY_SECONDS, withUsers);

/** A new access token for the current refresh token (the seed's `GET /api/refreshToken`); it rotates nothing. */
export async function refresh(context: AuthContext, claims: Claims, owner: TokenOwner): Promise<string> {
  const issuedAt = nowSeconds(context);
  const sessionId = claims.sid ?? null;
  if (sessionId !== null) await touchSession(context.db, sessionId, issuedAt);
  return issueToken(context.keyring, {
    type: "access",
    username: owner.user.username,
    sessionId,
    parent: sessionId === null ? claims : undefined,
    issuedAt,
    // A session's refresh token ends when the session does, and nothing of it lives longer.
    expiresAt: Math.min(
      issuedAt + context.config.accessTokenSeconds,
      sessionId === null ? Infinity : claims.exp,
    ),
  });
}

/**
 * Ends what a scope names, and blocks the token itself for Flask, which knows no sessions: all or nothing, and it
 * returns only once that is stored. With `others` and `all` tokens that name no session (Flask's) end too.
 * @throws a database error if it could not be stored
 */
export async function logout(
  context: AuthContext,
  claims: Claims,
  owner: TokenOwner,
  scope: LogoutScope,
): Promise<void> {
  const sessionId = claims.sid ?? null;
  const end = async (tx: AuthContext["db"]) => {
    if (scope !== "session") {
      await setTokensValidFrom(tx, owner.user.id, cutoffAt(nowSeconds(context)));
      await deleteSessionsOf(tx, owner.user.id, scope === "others" ? sessionId : null);
    } else if (sessionId !== null) {
      await deleteSession(tx, sessionId);
    }
    if (scope !== "others") await insertRevoked(tx, presented(claims), claims.exp, claims.rexp);
  };
  await inTransaction(context.db, end, { harmless: true }); // what is ended may be ended again
}

/** A session as its user sees it; times on the wall clock of TZ. */
export interface PublicSession {
  id: string;
  created_at: string;
  last_used_at: string;
  expires_at: string;
  user_agent: string | null;
  address: string | null;
  current: boolean;
}

/** The user's live sessions, the last used first. */
export async function sessionsOf(
  context: AuthContext,
  claims: Claims,
  owner: TokenOwner,
): Promise<PublicSession[]> {
  const show = wallClock(context.config.timeZone);
  const rows = await listSessions(context.db, owner.user.id, nowSeconds(context));
  return rows.map((row) => ({
    id: row.id,
    created_at: show(row.createdAt * 1000),
    last_used_at: show(row.lastUsedAt * 1000),
    expires_at: show(row.expiresAt * 1000),
    user_agent: row.userAgent,
    address: row.address,
    current: row.id === claims.sid,
  }));
}

/** What the database is asked about a token. */
export const presented = (claims: Claims): PresentedToken => ({
  username: claims.sub,
  jti: claims.jti,
  parentJti: claims.rti ?? null,
  sessionId: claims.sid ?? null,
  notBefore: claims.nbf ?? 0,
});
