import pLimit from "p-limit";
import { ApiError } from "../errors.ts";

/** The one thing a runtime must bring for passwords: argon2id in PHC strings. */
export interface Argon2 {
  hash(password: string): Promise<string>;
  /** @throws if the stored string cannot be read */
  verify(password: string, stored: string): Promise<boolean>;
}

/** Argon2id's price: memory in KiB and passes over it; one lane (RFC 9106 section 4). */
export interface Argon2Cost {
  memoryKib: number;
  timeCost: number;
}

/** Why a stored hash did not verify, when that is not simply a wrong password. */
export type HashFault = "missing" | "unreadable";

export interface Passwords {
  /** @throws ApiError `overloaded` when too many wait already */
  hash(password: string): Promise<string>;
  /**
   * Compares a password with what is stored for a user. Without a user the same work is done on a decoy.
   * @returns whether it matches, and what was wrong with the stored string, if anything
   * @throws ApiError `overloaded` when too many wait already
   */
  verify(
    password: string,
    stored: string | null | undefined,
  ): Promise<{ matches: boolean; fault?: HashFault }>;
}

/**
 * Password hashing behind one gate: at most `concurrency` at once, at most `queueLimit` waiting, the rest refused at
 * once. Hashes share their threads with the check of every token, so without the gate logins starve everything else.
 */
export function createPasswords(
  argon2: Argon2,
  options: { cost: Argon2Cost; concurrency: number; queueLimit: number },
): Passwords {
  const limit = pLimit(options.concurrency);
  const decoy = decoyHash(options.cost);
  const gated = <T>(work: () => Promise<T>): Promise<T> => {
    if (limit.pendingCount >= options.queueLimit) throw new ApiError("overloaded");
    return limit(work);
  };
  const matches = (password: string, stored: string) => gated(() => argon2.verify(password, stored));

  return {
    hash: async (password) => gated(() => argon2.hash(password)),
    async verify(password, stored) {
      const isArgon2 = stored?.startsWith("$argon2id$") ?? false;
      let fault: HashFault | undefined;
      if (stored === null) fault = "missing";
      else if (stored !== undefined && !isArgon2) fault = "unreadable";
      // Nobody has an empty argon2id password, and Bun would answer without doing the work.
      if (stored && isArgon2 && password !== "") {
        try {
          return { matches: await matches(password, stored) };
        } catch (error) {
          if (error instanceof ApiError) throw error;
          fault = "unreadable";
        }
      }
      await matches(password || "-", decoy);
      return fault ? { matches: false, fault } : { matches: false };
    },
  };
}

/** A well-formed argon2id string that no password matches: salt and tag are random and were never computed. */
function decoyHash({ memoryKib, timeCost }: Argon2Cost): string {
  const random = (bytes: number) =>
    btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)))).replace(/=+$/, "");
  return `$argon2id$v=19$m=${memoryKib},t=${timeCost},p=1$${random(32)}$${random(32)}`;
}
