import { hex, sameBytes } from "./encoding.ts";
import type { Digest, StoredHash } from "./storedHash.ts";

/** The key derivation functions that a runtime brings for old hashes. Text is taken as UTF-8. */
export interface LegacyKdf {
  pbkdf2(
    digest: Digest,
    password: string,
    salt: string,
    iterations: number,
    bytes: number,
  ): Promise<Uint8Array>;
  scrypt(
    password: string,
    salt: string,
    cost: { n: number; r: number; p: number },
    bytes: number,
  ): Promise<Uint8Array>;
  hmac(digest: Digest, key: string, text: string): Promise<Uint8Array>;
}

/** The count that werkzeug 2.0 to 2.2 writes, the seed's among them; such a string has 102 characters. */
export const WERKZEUG_ITERATIONS = 260_000;

/**
 * What a string without a count may mean: the default of whichever werkzeug wrote it (2.0–2.2, 2.3–3.0, 3.1, 1.0).
 * The seed's own comes first.
 */
const DEFAULT_COUNTS = [WERKZEUG_ITERATIONS, 600_000, 1_000_000, 150_000];

const SALT_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * Checks a password as `werkzeug.security.check_password_hash` does, over `salt + password` with the salt of the
 * seed's own column, which Python formats as "None" where it is NULL.
 */
export async function verifyWerkzeug(
  kdf: LegacyKdf,
  password: string,
  rowSalt: string | null,
  hash: Exclude<StoredHash, { kind: "argon2id" }>,
): Promise<boolean> {
  const secret = `${rowSalt ?? "None"}${password}`;
  const { salt, expected } = hash;
  if (hash.kind === "hmac") return sameBytes(await kdf.hmac(hash.digest, salt, secret), expected);
  if (hash.kind === "scrypt")
    return sameBytes(await kdf.scrypt(secret, salt, hash, expected.length), expected);
  for (const iterations of hash.iterations === undefined ? DEFAULT_COUNTS : [hash.iterations]) {
    const derived = await kdf.pbkdf2(hash.digest, secret, salt, iterations, expected.length);
    if (sameBytes(derived, expected)) return true;
  }
  return false;
}

/** Writes what the seed's service can read: `pbkdf2:sha256:260000$salt$hex`, and a salt for the row. */
export async function hashWerkzeug(kdf: LegacyKdf, password: string): Promise<{ pwd: string; salt: string }> {
  const rowSalt = crypto.randomUUID().replaceAll("-", "");
  const salt = randomText(16);
  const derived = await kdf.pbkdf2("sha256", `${rowSalt}${password}`, salt, WERKZEUG_ITERATIONS, 32);
  return { pwd: `pbkdf2:sha256:${WERKZEUG_ITERATIONS}$${salt}$${hex(derived)}`, salt: rowSalt };
}

/** Letters and digits, each as likely as the other: bytes past the last whole turn of the alphabet are dropped. */
function randomText(length: number): string {
  let text = "";
  const turn = 256 - (256 % SALT_CHARACTERS.length);
  while (text.length < length) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < turn) text += SALT_CHARACTERS[byte % SALT_CHARACTERS.length];
  }
  return text;
}
