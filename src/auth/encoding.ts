/** Bytes as lower-case hexadecimal digits. */
export const hex = (bytes: Uint8Array): string => bytes.toHex();

/** Bytes in base64 without padding (RFC 4648 section 4), as PHC strings have them. */
export const base64 = (bytes: Uint8Array): string => bytes.toBase64({ omitPadding: true });

/** Bytes in base64url without padding (RFC 4648 section 5), as tokens have them. */
export const base64url = (bytes: Uint8Array): string =>
  bytes.toBase64({ alphabet: "base64url", omitPadding: true });
