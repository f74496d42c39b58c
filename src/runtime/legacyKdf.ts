import { createHmac, pbkdf2, scrypt } from "node:crypto";
import { promisify } from "node:util";
import type { LegacyKdf } from "../auth/werkzeug.ts";

const derivePbkdf2 = promisify(pbkdf2);
const deriveScrypt = promisify<string, string, number, object, Buffer>(scrypt);

/** What old hashes need, by `node:crypto`, which Bun has and workerd has too. */
export const legacyKdf: LegacyKdf = {
  pbkdf2: (digest, password, salt, iterations, bytes) =>
    derivePbkdf2(password, salt, iterations, bytes, digest),
  scrypt: (password, salt, { n, r, p }, bytes) =>
    deriveScrypt(password, salt, bytes, { N: n, r, p, maxmem: 128 * r * (n + p + 2) + 1_048_576 }),
  hmac: async (digest, key, text) => createHmac(digest, key).update(text).digest(),
};
