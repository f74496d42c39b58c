import { ApiError } from "../errors.ts";
import { type Keyring, signClaims } from "./keys.ts";

export type TokenType = "access" | "refresh";

/**
 * The claims that a token of this service or of the seed's carries: RFC 7519 section 4.1, `type` and `fresh` as
 * Flask-JWT-Extended writes them, and some of our own, none of which Flask's tokens have.
 */
export interface Claims {
  fresh: boolean;
  iat: number;
  nbf: number;
  exp: number;
  jti: string;
  type: TokenType;
  sub: string;
  /** The session. */
  sid?: string;
  /** In refresh tokens of a session: how often it had been rotated when this one was made. */
  cnt?: number;
  /** In access tokens got with a Flask refresh token: its `jti` and `exp`, all that ties the two together. */
  rti?: string;
  rexp?: number;
}

/** What a new token is about. Times in epoch seconds. */
export interface TokenSubject {
  type: TokenType;
  username: string;
  sessionId: string | null;
  /** For a refresh token: the session's counter. */
  counter?: number;
  /** For an access token: the Flask refresh token it is got with, if it is. */
  parent?: { jti: string; exp: number } | undefined;
  issuedAt: number;
  expiresAt: number;
}

/** Signs a token. @returns `"Bearer <jwt>"`, the form in which the seed hands tokens out */
export async function issueToken(keyring: Keyring, subject: TokenSubject): Promise<string> {
  const claims: Claims = {
    fresh: false,
    iat: subject.issuedAt,
    jti: crypto.randomUUID(),
    type: subject.type,
    sub: subject.username,
    nbf: subject.issuedAt,
    exp: subject.expiresAt,
    ...(subject.sessionId === null ? {} : { sid: subject.sessionId }),
    ...(subject.counter === undefined ? {} : { cnt: subject.counter }),
    ...(subject.parent ? { rti: subject.parent.jti, rexp: subject.parent.exp } : {}),
  };
  return `Bearer ${await signClaims(keyring, claims)}`;
}

/** How long a `jti` may be: the seed's column holds no more, so a longer one could never be revoked. */
const MAX_JTI_LENGTH = 120;

/** How far the clocks of those who sign may be apart from ours, in seconds. */
export const LEEWAY_SECONDS = 10;

/** The seed's text for an access token where a refresh token is wanted. */
export const ONLY_REFRESH_TOKENS = "Only refresh tokens are allowed";

/** The cutoff that ends every token without a session made until now, by a clock that may be ahead of ours. */
export const cutoffAt = (nowSeconds: number): number => nowSeconds + LEEWAY_SECONDS + 1;

/**
 * Reads the claims of a payload whose signature is good. Expiry comes before type, as in the seed's service. `iat` is
 * never a ground to refuse.
 * @param nowSeconds epoch seconds
 * @throws ApiError `token_invalid`, `token_expired`, `token_wrong_type`
 */
export function readClaims(payload: unknown, type: TokenType, nowSeconds: number): Claims {
  const claims = payload as Partial<Record<keyof Claims, unknown>>;
  const { exp, nbf, jti, sub, sid, cnt, rti, rexp } = claims;
  if (!isTime(exp)) throw faultyClaim("exp");
  if (exp + LEEWAY_SECONDS <= nowSeconds) throw new ApiError("token_expired");
  if (nbf !== undefined && (!isTime(nbf) || nbf > nowSeconds + LEEWAY_SECONDS)) {
    throw new ApiError("token_invalid", { message: "The token is not yet valid (nbf)" });
  }
  if (!isJti(jti)) throw faultyClaim("jti");
  if (rti !== undefined && !(isJti(rti) && isTime(rexp))) throw faultyClaim("rti");
  if (typeof sub !== "string") throw faultyClaim("sub");
  if (sid !== undefined && !isSessionId(sid)) throw faultyClaim("sid");
  if (claims.type !== "access" && claims.type !== "refresh") throw faultyClaim("type");
  if (claims.type !== type) {
    throw new ApiError("token_wrong_type", type === "refresh" ? { message: ONLY_REFRESH_TOKENS } : {});
  }
  if (type === "refresh" && sid !== undefined && !Number.isSafeInteger(cnt)) throw faultyClaim("cnt");
  return claims as Claims;
}

/** The last second that a Date can name (ECMA-262 section 21.4.1.1): later ones could be neither stored nor shown. */
const MAX_TIME = 8_640_000_000_000;

const isTime = (value: unknown): value is number => typeof value === "number" && Math.abs(value) <= MAX_TIME;

const isJti = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && value.length <= MAX_JTI_LENGTH;

/** What the column of session ids can hold: ASCII, at most 36 characters. Asked for another, the database fails. */
export const isSessionId = (value: unknown): value is string =>
  typeof value === "string" && /^[\x21-\x7e]{1,36}$/.test(value);

const faultyClaim = (name: string) =>
  new ApiError("token_invalid", { message: `Missing or malformed claim: ${name}` });
