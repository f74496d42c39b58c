import { sign } from "hono/jwt";
import { ApiError } from "../errors.ts";

export type TokenType = "access" | "refresh";

/**
 * The claims that a token of this service or of the seed's carries: RFC 7519 section 4.1, `type` and `fresh` as
 * Flask-JWT-Extended writes them, and two of our own. `sid` is the session, which Flask's tokens lack. `rti` and
 * `rexp` are `jti` and `exp` of a Flask refresh token, in access tokens that were got with it: without a session, they
 * are what ties the two together.
 */
export interface Claims {
  fresh: boolean;
  iat: number;
  nbf: number;
  exp: number;
  jti: string;
  type: TokenType;
  sub: string;
  sid?: string;
  rti?: string;
  rexp?: number;
}

/** What a new token is about. Times in epoch seconds. */
export interface TokenSubject {
  type: TokenType;
  username: string;
  sessionId: string | null;
  /** The Flask refresh token it is got with, if it is. */
  parent?: { jti: string; exp: number } | undefined;
  issuedAt: number;
  expiresAt: number;
}

/**
 * Signs a token (HS256, RFC 7518 section 3.2).
 * @returns `"Bearer <jwt>"`, the form in which the seed hands tokens out
 */
export async function issueToken(secret: string, subject: TokenSubject): Promise<string> {
  const claims: Claims = {
    fresh: false,
    iat: subject.issuedAt,
    jti: crypto.randomUUID(),
    type: subject.type,
    sub: subject.username,
    nbf: subject.issuedAt,
    exp: subject.expiresAt,
    ...(subject.sessionId === null ? {} : { sid: subject.sessionId }),
    ...(subject.parent ? { rti: subject.parent.jti, rexp: subject.parent.exp } : {}),
  };
  return `Bearer ${await sign({ ...claims }, secret, "HS256")}`;
}

/** How long a `jti` may be: the seed's column holds no more, so a longer one could never be revoked. */
const MAX_JTI_LENGTH = 120;

/**
 * Reads the claims of a payload whose signature is good. Expiry comes before type, as in the seed's service.
 * @param nowSeconds epoch seconds
 * @throws ApiError `token_invalid`, `token_expired`, `token_wrong_type`
 */
export function readClaims(payload: unknown, type: TokenType, nowSeconds: number): Claims {
  const claims = payload as Partial<Record<keyof Claims, unknown>>;
  const { exp, nbf, jti, sub, sid, rti, rexp } = claims;
  if (!isTime(exp)) throw missingClaim("exp");
  if (exp <= nowSeconds) throw new ApiError("token_expired");
  if (nbf !== undefined && (!isTime(nbf) || nbf > nowSeconds)) {
    throw new ApiError("token_invalid", { message: "The token is not yet valid (nbf)" });
  }
  if (!isJti(jti)) throw missingClaim("jti");
  if (rti !== undefined && !(isJti(rti) && isTime(rexp))) throw missingClaim("rti");
  if (typeof sub !== "string") throw missingClaim("sub");
  if (sid !== undefined && typeof sid !== "string") throw missingClaim("sid");
  if (claims.type !== "access" && claims.type !== "refresh") throw missingClaim("type");
  if (claims.type !== type) {
    const message =
      type === "refresh" ? "Only refresh tokens are allowed" : "Only non-refresh tokens are allowed";
    throw new ApiError("token_wrong_type", { message });
  }
  return claims as Claims;
}

const isTime = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

const isJti = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && value.length <= MAX_JTI_LENGTH;

const missingClaim = (name: string) =>
  new ApiError("token_invalid", { message: `Missing or malformed claim: ${name}` });
