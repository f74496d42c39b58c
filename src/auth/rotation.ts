import {
  deleteSession,
  findSession,
  insertSession,
  rotateSession,
  type SessionState,
} from "../db/sessions.ts";
import { insertRevoked, type TokenOwner } from "../db/tokens.ts";
import { inTransaction } from "../db/transaction.ts";
import { tokensStillValid } from "../db/users.ts";
import { ApiError } from "../errors.ts";
import { type Client, fitted } from "./client.ts";
import { type AuthContext, nowSeconds } from "./context.ts";
import {
  findLive,
  issuePair,
  presented,
  requireLive,
  type SessionGrant,
  type TokenPair,
} from "./sessions.ts";
import { type Claims, isSessionId, LEEWAY_SECONDS } from "./tokens.ts";

/** One use of a refresh token: which session, and the counter it was made at. */
interface Use {
  username: string;
  sessionId: string;
  counter: number;
  expiresAt: number;
}

/** The use of a token that names its session. */
const useOf = ({ cnt = 0, exp }: Claims, sessionId: string) => ({ sessionId, counter: cnt, expiresAt: exp });

/**
 * Spends a refresh token for a new pair (RFC 9700 section 4.14.2). The session's end does not move. The token just spent
 * gets the same successor again for `refreshRetrySeconds`, so that a lost answer, a retry or a second tab logs nobody
 * out; an older one is in two hands, and the session ends.
 * @throws ApiError `token_revoked`, `token_reused`; `token_invalid` for one of Flask's whose `jti` can name no session
 */
export async function rotate(context: AuthContext, claims: Claims, client: Client): Promise<TokenPair> {
  if (claims.sid === undefined) return adopt(context, claims, client);
  const { username } = (await requireLive(context, claims)).user;
  const use = { username, ...useOf(claims, claims.sid) };
  const won = await rotateSession(context.db, use.sessionId, use.counter, nowSeconds(context));
  return won ? issuePair(context, successorOf(use)) : retryOrTheft(context, use);
}

/**
 * Lets a refresh token through that still stands, without rotating it. A spent one is refused within the grace time; after it,
 * it counts as stolen and its session ends.
 * @throws ApiError `token_revoked`, `token_reused`
 */
export async function requireUnspent(context: AuthContext, claims: Claims): Promise<TokenOwner> {
  const { sid, sub, jti } = claims;
  const owner = await findLive(context, claims);
  if (owner && (sid === undefined || owner.counter === claims.cnt)) return owner;
  if (sid === undefined ? !isSessionId(jti) : !owner) throw new ApiError("token_revoked");
  const sessionId = sid ?? jti; // as `adopt` names it
  await refuseTheft(context, { username: owner?.user.username ?? sub, ...useOf(claims, sessionId) });
  throw new ApiError("token_reused", { message: "Token has been used before" });
}

/** The answer to a token that somebody rotated before. */
async function retryOrTheft(context: AuthContext, use: Use): Promise<TokenPair> {
  await refuseTheft(context, use);
  return issuePair(context, successorOf(use));
}

/** Lets a retry through. For anything else that was spent the session is ended, before the answer. */
async function refuseTheft(context: AuthContext, use: Use): Promise<void> {
  const state = await findSession(context.db, use.sessionId, use.username);
  if (!state || use.counter >= state.counter) throw new ApiError("token_revoked"); // ended, or from before a restored backup
  if (isRetry(context, use, state)) return;
  await deleteSession(context.db, use.sessionId);
  context.log.warn({ userId: state.userId }, "a refresh token was used again, its session has been ended");
  throw new ApiError("token_reused");
}

function isRetry(
  context: AuthContext,
  { counter }: Use,
  { counter: current, rotatedAt }: SessionState,
): boolean {
  const age = nowSeconds(context) - (rotatedAt ?? 0);
  // Another instance's clock may be ahead of ours: by more than that it is wrong, and nothing to go by.
  const isFresh = age >= -LEEWAY_SECONDS && age <= context.config.refreshRetrySeconds;
  return counter === current - 1 && isFresh;
}

/** Tokens with the same counter are one successor: whoever holds any of them holds the current one. */
const successorOf = (use: Use): SessionGrant => ({ ...use, counter: use.counter + 1 });

/**
 * The first rotation of a refresh token of Flask's: it gets a session, named after the token's `jti`, and is blocked. From
 * then on it counts as that session's spent token number 0.
 */
async function adopt(context: AuthContext, claims: Claims, client: Client): Promise<TokenPair> {
  const { jti } = claims;
  if (!isSessionId(jti)) throw new ApiError("token_invalid", { message: "Missing or malformed claim: jti" });
  const now = nowSeconds(context);
  const owner = await findLive(context, claims);
  const use = {
    username: owner?.user.username ?? claims.sub,
    sessionId: jti,
    counter: 0,
    expiresAt: claims.exp,
  };
  if (!owner) return retryOrTheft(context, use);

  const session = {
    id: jti,
    userId: owner.user.id,
    counter: 1,
    createdAt: now,
    expiresAt: claims.exp,
    ...fitted(client),
  };
  const outcome = await inTransaction(context.db, async (tx) => {
    if ((await insertRevoked(tx, { jti, parentJti: null }, claims.exp)) === 0) return "spent";
    const opened = await insertSession(tx, session, tokensStillValid(presented(claims).notBefore));
    return opened ? "adopted" : "ended";
  });
  if (outcome === "ended") throw new ApiError("token_revoked");
  return outcome === "adopted" ? issuePair(context, successorOf(use)) : retryOrTheft(context, use);
}
