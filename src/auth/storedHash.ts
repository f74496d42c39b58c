/** Why a stored hash cannot be checked, as log and reports name it; `unsupported`: by this runtime, though by others. */
export type HashFault = "missing" | "unreadable" | "cut" | "too costly" | "unsupported";

export type Digest = "sha1" | "sha256" | "sha512";

/** A stored password hash, taken apart. Werkzeug's salts are text, of any alphabet; its digests are hexadecimal. */
export type StoredHash =
  | { kind: "argon2id"; memoryKib: number; timeCost: number; lanes: number }
  | { kind: "pbkdf2"; digest: Digest; iterations: number | undefined; salt: string; expected: Uint8Array }
  | { kind: "scrypt"; n: number; r: number; p: number; salt: string; expected: Uint8Array }
  | { kind: "hmac"; digest: Digest; salt: string; expected: Uint8Array };

/** What a string in the database may ask of us; beyond it nothing is computed. */
const LIMITS = {
  iterations: 2_000_000,
  argon2Kib: 262_144,
  argon2Time: 32,
  lanes: 16,
  scryptBytes: 256 * 1024 * 1024,
};

const DIGEST_BYTES: Record<Digest, number> = { sha1: 20, sha256: 32, sha512: 64 };
const SCRYPT_BYTES = 64;

/** The method of a stored hash as a report groups them: its scheme and parameters, without salt and digest. */
export function hashMethod(stored: string | null): string {
  if (stored === null || stored === "") return "none";
  const argon2 = /^\$(argon2id)\$v=\d+\$(m=\d+,t=\d+,p=\d+)\$/.exec(stored);
  if (argon2) return `${argon2[1]} ${argon2[2]}`;
  const method = /^([\w:]{1,40})\$/.exec(stored)?.[1];
  return method ?? "unknown";
}

/**
 * Takes a stored string apart: argon2id in its PHC form, or what werkzeug.security writes, `method$salt$hex`.
 * @returns the parts, or what is wrong with it; no parameter beyond its bound is ever let through
 */
export function parseHash(stored: string | null): StoredHash | HashFault {
  if (stored === null || stored === "") return "missing";
  if (stored.startsWith("$argon2id$")) return parseArgon2(stored);
  const [, method, salt, hex] = /^([\w:]+)\$([^$]*)\$([0-9a-f]*)$/.exec(stored) ?? [];
  if (method === undefined || salt === undefined || hex === undefined)
    return /^(pbkdf2|scrypt):[\w:]*(\$[^$]*)?$/.test(stored) ? "cut" : "unreadable";
  const [scheme = "", ...parameters] = method.split(":");
  if (scheme === "scrypt") return parseScrypt(parameters, salt, hex);
  if (scheme === "pbkdf2") return parsePbkdf2(parameters, salt, hex);
  if (!isDigest(scheme) || parameters.length > 0 || salt === "") return "unreadable";
  return withDigest(hex, DIGEST_BYTES[scheme], (expected) => ({
    kind: "hmac",
    digest: scheme,
    salt,
    expected,
  }));
}

function parseArgon2(stored: string): StoredHash | HashFault {
  const [, m, t, p, salt, tag] =
    /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(
      stored,
    ) ?? [];
  if (salt === undefined || tag === undefined) return "unreadable";
  const cost = { memoryKib: Number(m), timeCost: Number(t), lanes: Number(p) };
  if (cost.memoryKib > LIMITS.argon2Kib || cost.timeCost > LIMITS.argon2Time || cost.lanes > LIMITS.lanes)
    return "too costly";
  if (tag.length < 43 && salt.length >= 22) return "cut"; // 32 bytes of tag behind 16 or more of salt
  return { kind: "argon2id", ...cost };
}

function parsePbkdf2([digest, count, ...more]: string[], salt: string, hex: string): StoredHash | HashFault {
  if (digest === undefined || !isDigest(digest) || more.length > 0) return "unreadable";
  if (count !== undefined && !/^[1-9]\d{0,9}$/.test(count)) return "unreadable";
  const iterations = count === undefined ? undefined : Number(count);
  if (iterations !== undefined && iterations > LIMITS.iterations) return "too costly";
  return withDigest(hex, DIGEST_BYTES[digest], (expected) => ({
    kind: "pbkdf2",
    digest,
    iterations,
    salt,
    expected,
  }));
}

/** `scrypt` alone means Werkzeug's own parameters. */
function parseScrypt(parameters: string[], salt: string, hex: string): StoredHash | HashFault {
  const numbers = parameters.length === 0 ? ["32768", "8", "1"] : parameters;
  if (numbers.length !== 3 || !numbers.every((text) => /^[1-9]\d{0,8}$/.test(text))) return "unreadable";
  const [n, r, p] = numbers.map(Number) as [number, number, number];
  if (!Number.isInteger(Math.log2(n)) || n < 2) return "unreadable";
  if (128 * n * r > LIMITS.scryptBytes || p > LIMITS.lanes) return "too costly";
  return withDigest(hex, SCRYPT_BYTES, (expected) => ({ kind: "scrypt", n, r, p, salt, expected }));
}

function withDigest(
  hex: string,
  bytes: number,
  make: (expected: Uint8Array) => StoredHash,
): StoredHash | HashFault {
  if (hex.length < bytes * 2) return "cut";
  return hex.length === bytes * 2 ? make(Uint8Array.fromHex(hex)) : "unreadable";
}

const isDigest = (name: string): name is Digest => Object.hasOwn(DIGEST_BYTES, name);
