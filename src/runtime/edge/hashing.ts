import type { Argon2Cost, Hashing } from "../../auth/passwords.ts";
import type { StoredHash } from "../../auth/storedHash.ts";
import { legacyKdf } from "../legacyKdf.ts";
import { affordable, edgeArgon2 } from "./argon2.ts";

/** Cloudflare computes no more of PBKDF2; other hosts of workerd would, and an account must not depend on which it is. */
const PBKDF2_ITERATIONS = 100_000;
const SCRYPT_BYTES = 64 * 1024 * 1024;

/** Password hashing in an isolate. Most of the seed's hashes ask for more of PBKDF2 than there is. */
export function edgeHashing(argon2: WebAssembly.Module, cost: Argon2Cost): Hashing {
  return { argon2: edgeArgon2(argon2, cost), legacy: legacyKdf, supports };
}

function supports(hash: StoredHash): boolean {
  if (hash.kind === "argon2id") return affordable(hash);
  if (hash.kind === "scrypt") return 128 * hash.n * hash.r <= SCRYPT_BYTES;
  // Without a count it may be any default of Werkzeug's, and all are more.
  if (hash.kind === "pbkdf2") return (hash.iterations ?? Number.POSITIVE_INFINITY) <= PBKDF2_ITERATIONS;
  return true;
}
