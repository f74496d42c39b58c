import { sign } from "hono/jwt";
import { ApiError } from "../errors.ts";

export type TokenType = "access" | "refresh";

/**
 * The claims that a token of this service or of the seed's carries: RFC 7519 section 4.1, `type` and `fresh` as
 * Flask-JWT-Extended writes them, and `sid`, the session, which Flask's tokens lack.
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
}

/** What a new token is about. Times in epoch seconds. */
export interface TokenSubject {
  type: TokenType;
  username: string;
  sessionId: string | null;
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
  const { exp, nbf, jti, sub, sid } = claims;
  if (!isTime(exp)) throw missingClaim("exp");
  if (exp <= nowSeconds) throw new ApiError("token_expired");
  if (nbf !== undefined && (!isTime(nbf) || nbf > nowSeconds)) {
    throw new ApiError("token_invalid", { message: "The token is not yet valid (nbf)" });
  }
  if (typeof jti !== "string" || jti === "" || jti.length > MAX_JTI_LENGTH) throw missingClaim("jti");
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

const missingClaim = (name: string) =>
  new ApiError("token_invalid", { message: `Missing or malformed claim: ${name}` });
