import { availableParallelism } from "node:os";
import type { Context } from "hono";
import type { Argon2, Argon2Cost } from "../auth/passwords.ts";

/** Password hashing by Bun: argon2id with one lane, in PHC strings. */
export function bunArgon2({ memoryKib, timeCost }: Argon2Cost): Argon2 {
  return {
    hash: (password) =>
      Bun.password.hash(password, { algorithm: "argon2id", memoryCost: memoryKib, timeCost }),
    verify: (password, stored) => Bun.password.verify(password, stored, "argon2id"),
  };
}

/** What `Bun.serve` hands to a request beside the request. */
export interface BunEnv {
  server: Bun.Server<undefined>;
}

/** The address at the other end of the connection; IPv4 as such, also where it came in over an IPv6 socket. */
export function connectionAddress(c: Context): string | null {
  const address = (c.env as BunEnv).server.requestIP(c.req.raw)?.address;
  return address?.replace(/^::ffff:(?=\d+\.)/, "") ?? null;
}

/** Hashes that the machine can work on at once. */
export const cores = (): number => availableParallelism();
