import { sign } from "hono/jwt";
import { base64url, hex } from "./encoding.ts";

/** A signing secret, and the name it goes by in token headers (RFC 7515 section 4.1.4). */
export interface SigningKey {
  kid: string;
  /**
   * For Hono to verify with. Not the text: Hono takes a text with PUBLIC or PRIVATE in it for a PEM file, and would
   * import any other anew for every token.
   */
  key: CryptoKey;
  jwk: { kty: "oct"; alg: "HS256"; k: string; kid: string };
}

/** The key that signs, then those that still verify. */
export type Keyring = readonly [SigningKey, ...SigningKey[]];

const utf8 = new TextEncoder();
const HMAC = { name: "HMAC", hash: "SHA-256" };

/**
 * Makes keys of secrets, byte for byte: the first signs, all verify. A key's name is derived from its secret, so that
 * instances agree on it, and tells no more of it than any token does.
 */
export async function createKeyring(secrets: readonly string[]): Promise<Keyring> {
  const [first, ...previous] = await Promise.all(secrets.map(signingKey));
  if (!first) throw new TypeError("a keyring needs a secret");
  return [first, ...previous];
}

async function signingKey(secret: string): Promise<SigningKey> {
  const bytes = utf8.encode(secret);
  const key = await crypto.subtle.importKey("raw", bytes, HMAC, false, ["sign", "verify"]);
  const name = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode("latchkey key id")));
  const kid = hex(name.subarray(0, 8));
  return { kid, key, jwk: { kty: "oct", alg: "HS256", k: base64url(bytes), kid } };
}

/** Signs claims with the current key (HS256, RFC 7518 section 3.2), its name in the header. */
export function signClaims([{ jwk }]: Keyring, claims: object): Promise<string> {
  return sign({ ...claims }, jwk);
}
