import { createKeyring } from "../../src/auth/keys.ts";
import { issueToken, type TokenType } from "../../src/auth/tokens.ts";
import { SESSION_SECONDS, sessionIdOf, usernameOf } from "./database.ts";

/** Obviously not a secret of anybody's. */
export const BENCH_SECRET = "bench-secret-that-is-only-for-benchmarks-0123456789";

/** Whose password is this? Everybody's. */
export const BENCH_PASSWORD = "correct horse battery";

/**
 * The service's own tokens for some sessions of a world.
 * @param users how many users share the sessions, as `fillSessions` deals them out
 */
export async function tokensFor(type: TokenType, sessions: number[], users: number): Promise<string[]> {
  const keyring = await createKeyring([BENCH_SECRET]);
  const issuedAt = Math.floor(Date.now() / 1000);
  return Promise.all(
    sessions.map((i) =>
      issueToken(keyring, {
        type,
        username: usernameOf(1 + ((i - 1) % users)),
        sessionId: sessionIdOf(i),
        ...(type === "refresh" ? { counter: 0 } : {}),
        issuedAt,
        expiresAt: issuedAt + SESSION_SECONDS - 3600,
      }),
    ),
  );
}

/** The numbers 1 to n. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

/** A hash of the password at today's price, or at another one. */
export const passwordHash = (memoryCost = 19_456, timeCost = 2): Promise<string> =>
  Bun.password.hash(BENCH_PASSWORD, { algorithm: "argon2id", memoryCost, timeCost });
