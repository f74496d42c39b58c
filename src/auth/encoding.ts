/** Bytes as lower-case hexadecimal digits. */
export const hex = (bytes: Uint8Array): string => bytes.toHex();

/** Bytes in base64 without padding (RFC 4648 section 4), as PHC strings have them. */
export const base64 = (bytes: Uint8Array): string => bytes.toBase64({ omitPadding: true });

/** Bytes in base64url without padding (RFC 4648 section 5), as tokens have them. */
export const base64url = (bytes: Uint8Array): string =>
  bytes.toBase64({ alphabet: "base64url", omitPadding: true });

/** The bytes of such a text. @throws SyntaxError if it is none */
export const fromBase64url = (text: string): Uint8Array =>
  Uint8Array.fromBase64(text, { alphabet: "base64url" });

/** Compares without telling by its time where the first difference is. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= (one[i] ?? 0) ^ (other[i] ?? 0);
  return difference === 0;
}
