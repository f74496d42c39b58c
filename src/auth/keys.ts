import { base64url, fromBase64url, hex, sameBytes } from "./encoding.ts";

/** A signing secret, and the name it goes by in token headers (RFC 7515 section 4.1.4). */
export interface SigningKey {
  kid: string;
  /**
   * For Hono to verify with. Not the text: Hono takes a text with PUBLIC or PRIVATE in it for a PEM file, and would
   * import any other anew for every token.
   */
  key: CryptoKey;
  /** The header of the tokens it signs, encoded, and the dot behind it. */
  header: string;
  hmac: Hmac;
}

/** The HMAC-SHA-256 of a text under one key (RFC 2104). */
export type Hmac = (text: string) => Uint8Array | Promise<Uint8Array>;

/** The key that signs, then those that still verify. */
export type Keyring = readonly [SigningKey, ...SigningKey[]];

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();
const HMAC = { name: "HMAC", hash: "SHA-256" };

/**
 * Makes keys of secrets, byte for byte: the first signs, all verify. A key's name is derived from its secret, so that
 * instances agree on it, and reveals no more of the secret than any token does.
 * @param hmacOf a runtime's own, where it has one that is faster than WebCrypto's
 */
export async function createKeyring(
  secrets: readonly string[],
  hmacOf?: (secret: Uint8Array) => Hmac,
): Promise<Keyring> {
  const [first, ...previous] = await Promise.all(secrets.map((secret) => signingKey(secret, hmacOf)));
  if (!first) throw new TypeError("a keyring needs a secret");
  return [first, ...previous];
}

async function signingKey(
  secret: string,
  hmacOf: ((secret: Uint8Array) => Hmac) | undefined,
): Promise<SigningKey> {
  const bytes = utf8.encode(secret);
  const key = await crypto.subtle.importKey("raw", bytes, HMAC, false, ["sign", "verify"]);
  const name = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode("latchkey key id")));
  const kid = hex(name.subarray(0, 8));
  const header = `${encoded({ alg: "HS256", typ: "JWT", kid })}.`;
  return { kid, key, header, hmac: hmacOf?.(bytes) ?? webHmac(key) };
}

const webHmac =
  (key: CryptoKey): Hmac =>
  async (text) =>
    new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(text)));

/** Signs claims with the current key: HS256 (RFC 7518 section 3.2) in the compact form (RFC 7515 section 3.1). */
export async function signClaims([{ header, hmac }]: Keyring, claims: object): Promise<string> {
  const text = header + encoded(claims);
  return `${text}.${base64url(await hmac(text))}`;
}

/** How the headers of tokens begin that name no key: Flask's, and those of most libraries. */
const NAMELESS = [`${encoded({ alg: "HS256", typ: "JWT" })}.`, `${encoded({ typ: "JWT", alg: "HS256" })}.`];

/**
 * The payload of a token that a key of ours has signed and that has one of the usual headers. Where the runtime brings an HMAC of
 * its own, this is computed at once, on the thread that asks, while a check by WebCrypto waits behind hashes of passwords.
 * @returns undefined for every other token: it may be good all the same
 */
export async function readSigned(keyring: Keyring, token: string): Promise<unknown> {
  const nameless = NAMELESS.find((header) => token.startsWith(header));
  const end = token.lastIndexOf(".");
  for (const key of keyring) {
    const header = nameless ?? key.header;
    if (!token.startsWith(header)) continue;
    const signature = base64url(await key.hmac(token.slice(0, end)));
    if (sameBytes(utf8.encode(signature), utf8.encode(token.slice(end + 1))))
      return parsed(token.slice(header.length, end));
  }
  return undefined;
}

/** A part of a token. @returns undefined if it is no JSON */
function parsed(part: string): unknown {
  try {
    return JSON.parse(fromUtf8.decode(fromBase64url(part)));
  } catch {
    return undefined;
  }
}

function encoded(part: object): string {
  return base64url(utf8.encode(JSON.stringify(part)));
}
