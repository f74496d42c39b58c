import { createHmac } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Context } from "hono";
import type { Hmac } from "../auth/keys.ts";
import type { Argon2Cost, Hashing } from "../auth/passwords.ts";
import { legacyKdf } from "./legacyKdf.ts";

/** Password hashing by Bun: argon2id with one lane, in PHC strings, and what old hashes need. */
export function bunHashing({ memoryKib, timeCost }: Argon2Cost): Hashing {
  return {
    argon2: {
      hash: (password) =>
        Bun.password.hash(password, { algorithm: "argon2id", memoryCost: memoryKib, timeCost }),
      verify: (password, stored) => Bun.password.verify(password, stored, "argon2id"),
    },
    legacy: legacyKdf,
  };
}

/** Bun's HMAC-SHA-256, on the thread that asks: WebCrypto's goes by way of another one and takes five times as long. */
export const bunHmac =
  (secret: Uint8Array): Hmac =>
  (text) =>
    createHmac("sha256", secret).update(text).digest();

/** What our server hands on beside a request. */
export interface BunEnv {
  /** Asks the kernel for the address at the other end of the request's connection. */
  address: () => string | null;
}

/** The address at the other end of a request's connection. */
export const connectionAddress = (c: Context): string | null => (c.env as BunEnv).address();

/** Hashes that the machine can work on at once; the CPU limit of a container counts (Bun reads its cgroup). */
export const cores = (): number => availableParallelism();
