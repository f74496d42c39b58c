import {
  findTokenOwner,
  type PresentedToken,
  revokeSession,
  type TokenOwner,
  touchSession,
} from "../db/sessions.ts";
import { ApiError } from "../errors.ts";
import { type AuthContext, nowSeconds } from "./context.ts";
import { type Claims, issueToken } from "./tokens.ts";

/**
 * Asks the database whether a token still stands: for every request, since another instance may have ended it.
 * @throws ApiError `token_revoked` if its user is gone or it or its session was ended
 */
export async function requireLive(context: AuthContext, claims: Claims): Promise<TokenOwner> {
  const owner = await findTokenOwner(context.db, presented(claims), nowSeconds(context));
  if (!owner) throw new ApiError("token_revoked");
  return owner;
}

/** A new access token for a refresh token that stands (the seed's `GET /api/refreshToken`). */
export async function refresh(context: AuthContext, claims: Claims, owner: TokenOwner): Promise<string> {
  const issuedAt = nowSeconds(context);
  const sessionId = claims.sid ?? null;
  if (sessionId !== null) await touchSession(context.db, sessionId, issuedAt);
  return issueToken(context.config.jwtSecretKey, {
    type: "access",
    username: owner.username,
    sessionId,
    parent: sessionId === null ? claims : undefined,
    issuedAt,
    expiresAt: issuedAt + context.config.accessTokenSeconds,
  });
}

/**
 * Ends the session of an access token, and with it every token of that login. Returns only once that is stored.
 * @throws a database error if it could not be stored
 */
export async function logout(context: AuthContext, claims: Claims): Promise<void> {
  await revokeSession(context.db, presented(claims), claims.exp, claims.rexp ?? claims.exp);
}

const presented = (claims: Claims): PresentedToken => ({
  username: claims.sub,
  jti: claims.jti,
  parentJti: claims.rti ?? null,
  sessionId: claims.sid ?? null,
});
