import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import { jwt } from "hono/jwt";
import { nowSeconds } from "../auth/context.ts";
import { requireLive } from "../auth/sessions.ts";
import { readClaims, type TokenType } from "../auth/tokens.ts";
import { ApiError } from "../errors.ts";
import { bearerToken } from "./bearer.ts";
import { type AppEnv, authContext, type Deps } from "./deps.ts";
import { REALM } from "./envelope.ts";

/**
 * Lets a request through whose token is signed with our key, of the wanted type and in its time, and sets `claims`.
 * Hono's middleware checks the signature; times are left to `readClaims`, which has the clock and the seed's texts.
 * @throws ApiError any `token_*` but `token_revoked`
 */
export function authenticate(deps: Deps, type: TokenType): MiddlewareHandler<AppEnv> {
  const checkSignature = jwt({
    secret: deps.config.jwtSecretKey,
    alg: "HS256",
    realm: REALM,
    verification: { exp: false, nbf: false, iat: false },
  });
  return createMiddleware<AppEnv>(async (c, next) => {
    presentAlone(c, bearerToken(c.req.header("Authorization")));
    try {
      await checkSignature(c, async () => {});
    } catch (error) {
      throw tokenFault(error);
    }
    c.set("claims", readClaims(c.get("jwtPayload" as never), type, nowSeconds(deps)));
    await next();
  });
}

/**
 * Lets a request through whose token still stands in the database, and sets `owner`. After `authenticate`.
 * @throws ApiError `token_revoked`; a database error if it could not be asked: no answer is never a pass
 */
export function blocklist(deps: Deps): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set("owner", await requireLive(authContext(deps, c), c.var.claims));
    await next();
  });
}

/** Hono reads one `Bearer <token>` and nothing else, so a token from a longer header is put in its place. */
function presentAlone(c: Context, token: string): void {
  const header = `Bearer ${token}`;
  if (c.req.raw.headers.get("Authorization") === header) return;
  const headers = new Headers(c.req.raw.headers);
  headers.set("Authorization", header);
  c.req.raw = new Request(c.req.raw, { headers });
}

/** Hono's errors hold the token in their messages: only the name of the cause is used, and nothing is passed on. */
function tokenFault(error: unknown): ApiError {
  const cause = error instanceof HTTPException && error.cause instanceof Error ? error.cause.name : "";
  switch (cause) {
    case "JwtTokenInvalid":
      return new ApiError("token_malformed");
    case "JwtHeaderInvalid":
    case "JwtAlgorithmMismatch":
      return new ApiError("token_invalid", { message: "The specified alg value is not allowed" });
    case "JwtTokenSignatureMismatched":
      return new ApiError("token_invalid");
    default:
      return new ApiError("token_malformed");
  }
}
