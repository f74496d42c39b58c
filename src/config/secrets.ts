/** RFC 7518 section 3.2: a key of the hash's size or larger. */
const MIN_SECRET_BYTES = 32;

/** Secrets of 32 bytes and more that stand in well-known documents and templates, in lower case. */
const WELL_KNOWN = new Set([
  "a-string-secret-at-least-256-bits-long",
  "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
  "super-secret-jwt-token-with-at-least-32-characters-long",
  "your-super-secret-jwt-token-with-at-least-32-characters-long",
  "change-me-to-at-least-32-random-bytes",
]);

/**
 * The secret that the seed prints, reduced to what survives every way of quoting or unescaping it. The literal is
 * public, however a `.env` reader or a Dockerfile changed its backslashes and quotes.
 */
const SEED_SECRET = "#q)x00xd6x9fibqxd7;,xe2e";
const bare = (secret: string) => secret.replace(/[\\'"<]/g, "").toLowerCase();

/** Why a signing secret must not be used in production, as the end of a sentence; undefined if it may. */
export function weakSecret(secret: string | undefined): string | undefined {
  if (secret === undefined) return "(or SECRET_KEY) is required: make one with `openssl rand -base64 48`";
  if (bare(secret).includes(SEED_SECRET))
    return "is the one printed in the tutorial that everybody can read: make a new one";
  if (new TextEncoder().encode(secret).length < MIN_SECRET_BYTES)
    return `must have at least ${MIN_SECRET_BYTES} bytes`;
  if (WELL_KNOWN.has(secret.toLowerCase())) return "is a well-known example: make a new one";
  if (new Set(secret).size < 8) return "repeats a few characters: make a random one";
  return undefined;
}

/** What to do about a weak secret that was accepted for a takeover. */
export const AFTER_TAKEOVER =
  "It is used because ACCEPT_WEAK_SECRET is on: whoever knows it can sign tokens for any user. " +
  "Once nothing else signs with it, set a new JWT_SECRET_KEY and take ACCEPT_WEAK_SECRET out; everybody logs in again.";

interface SecretVariables {
  JWT_SECRET_KEY?: string | undefined;
  JWT_SECRET_KEY_FILE?: string | undefined;
  SECRET_KEY?: string | undefined;
}

/**
 * The signing secret, byte for byte: of a file (less one newline at its end) if one is named, else of the variables,
 * the seed's fallback last. UTF-8, as Python encodes it.
 * @param problems a file that cannot be read is added here
 */
export function signingSecret(
  read: SecretVariables,
  readFile: (path: string) => string,
  problems: string[],
): string | undefined {
  if (read.JWT_SECRET_KEY_FILE === undefined) return read.JWT_SECRET_KEY ?? read.SECRET_KEY;
  try {
    const secret = readFile(read.JWT_SECRET_KEY_FILE).replace(/\r?\n$/, "");
    if (secret !== "") return secret;
  } catch {}
  problems.push("JWT_SECRET_KEY_FILE must name a readable file of UTF-8 text that is not empty");
  return undefined;
}

/**
 * Secrets that signed before: of a file, one a line and byte for byte, else of a comma-separated list, trimmed.
 * @param problems a file that cannot be read is added here
 */
export function previousSigningSecrets(
  read: { JWT_SECRET_KEY_PREVIOUS?: string | undefined; JWT_SECRET_KEY_PREVIOUS_FILE?: string | undefined },
  readFile: (path: string) => string,
  problems: string[],
): string[] {
  const { JWT_SECRET_KEY_PREVIOUS: list = "", JWT_SECRET_KEY_PREVIOUS_FILE: file } = read;
  if (file === undefined)
    return list
      .split(",")
      .map((secret) => secret.trim())
      .filter((secret) => secret !== "");
  try {
    return readFile(file)
      .split(/\r?\n/)
      .filter((secret) => secret !== "");
  } catch {
    problems.push("JWT_SECRET_KEY_PREVIOUS_FILE must name a readable file of UTF-8 text");
    return [];
  }
}
