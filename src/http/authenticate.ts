import type { Context, MiddlewareHandler, Next } from "hono";
import { HTTPException } from "hono/http-exception";
import { decode, jwt } from "hono/jwt";
import { nowSeconds } from "../auth/context.ts";
import { type Keyring, readSigned } from "../auth/keys.ts";
import { requireLive } from "../auth/sessions.ts";
import { readClaims, type TokenType } from "../auth/tokens.ts";
import { ApiError } from "../errors.ts";
import { bearerToken } from "./bearer.ts";
import { type AppEnv, type Deps, sharedQuestions } from "./deps.ts";
import { REALM } from "./envelope.ts";
import { createTokenMemory } from "./tokenMemory.ts";

/**
 * Lets a request through whose token is signed with a key of ours, of the wanted type and within its time, and sets `claims`.
 * Hono's middleware checks the signatures of tokens with unusual headers, and says what is wrong with a bad one; times are left to
 * `readClaims`, which has the clock and the texts.
 * @throws ApiError any `token_*` but `token_revoked` and `token_reused`
 */
export function authenticate(deps: Deps, type: TokenType): MiddlewareHandler<AppEnv> {
  const checks = signatureChecks(deps.keyring);
  const verified = createTokenMemory();
  const admit = (c: Context<AppEnv>, payload: unknown, next: Next) => {
    c.set("claims", readClaims(payload, type, nowSeconds(deps)));
    return next();
  };
  const check = async (c: Context<AppEnv>, token: string, next: Next) => {
    const payload = (await readSigned(deps.keyring, token)) ?? (await verify(c, token, checks(token)));
    verified.keep(token, payload);
    return await admit(c, payload, next);
  };
  return (c, next) => {
    const token = bearerToken(c.req.header("Authorization"));
    const payload = verified.find(token);
    return payload === undefined ? check(c, token, next) : admit(c, payload, next);
  };
}

/**
 * Lets a request through whose token still stands in the database, and sets `owner`. After `authenticate`. It asks when all of
 * the request is there: a body that trickles in would let a token act half a minute after it was ended.
 * @param withUsers asks in the same statement for what the list of users begins with
 * @throws ApiError `token_revoked`; a database error if it could not be asked: no answer is never a pass
 */
export function blocklist(deps: Deps, withUsers = false): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (c.req.method === "POST") await c.req.arrayBuffer().catch(() => {}); // what is wrong with it is for `validate` to say
    c.set("owner", await requireLive(sharedQuestions(deps, c), c.get("claims"), withUsers));
    return await next();
  };
}

/** The payload of a token whose signature one of Hono's checks finds good. @throws ApiError the objection of the last check */
async function verify(c: Context, token: string, checks: MiddlewareHandler[]): Promise<unknown> {
  presentAlone(c, token);
  let fault: ApiError | undefined;
  for (const check of checks) {
    fault = await check(c, async () => {}).then(() => undefined, tokenFault);
    if (!fault) break;
  }
  if (fault) throw fault;
  return c.get("jwtPayload");
}

/** Hono's check for each key. A token goes through the check of the key it names, or through all if it names none of ours. */
function signatureChecks(keyring: Keyring): (token: string) => MiddlewareHandler[] {
  const verification = { exp: false, nbf: false, iat: false };
  const checks = new Map(
    keyring.map(({ kid, key }) => [kid, jwt({ secret: key, alg: "HS256", realm: REALM, verification })]),
  );
  const all = [...checks.values()];
  return (token) => {
    const named = checks.get(keyIdOf(token) ?? "");
    return named ? [named] : all;
  };
}

function keyIdOf(token: string): string | undefined {
  try {
    return (decode(token).header as { kid?: string }).kid;
  } catch {
    return undefined; // Hono's check says what is wrong with it
  }
}

/** Hono reads `Bearer <token>` and nothing else, so a longer header is replaced by its token. */
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
    case "JwtHeaderInvalid":
    case "JwtAlgorithmMismatch":
      return new ApiError("token_invalid", { message: "The specified alg value is not allowed" });
    case "JwtTokenSignatureMismatched":
      return new ApiError("token_invalid");
    default:
      return new ApiError("token_malformed");
  }
}
