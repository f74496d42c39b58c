import type { Config } from "../config.ts";
import { base64, hex } from "./encoding.ts";
import { createGate, type Gate, type GateLimits } from "./gate.ts";
import { normalForm } from "./normalForm.ts";
import type { GateDepth, GateObserver } from "./observers.ts";
import { type HashFault, parseHash, type StoredHash } from "./storedHash.ts";
import { hashWerkzeug, type LegacyKdf, verifyWerkzeug, WERKZEUG_ITERATIONS } from "./werkzeug.ts";

/** What a runtime must bring for passwords: argon2id in PHC strings, and the functions of old hashes. */
export interface Hashing {
  argon2: {
    hash(password: string): Promise<string>;
    /** @throws if the stored string cannot be read */
    verify(password: string, stored: string): Promise<boolean>;
  };
  legacy: LegacyKdf;
  /** Whether it can check such a hash at all; absent: whatever `parseHash` lets through. */
  supports?: (hash: StoredHash) => boolean;
}

/** Argon2id's price: memory in KiB and passes over it; one lane (RFC 9106 section 4). */
export interface Argon2Cost {
  memoryKib: number;
  timeCost: number;
}

/** What new hashes look like: argon2id, or what Flask can read, for as long as it reads the same table. */
export type PasswordFormat = Config["passwordFormat"];

/** The two columns of a password. */
export interface StoredPassword {
  pwd: string | null;
  salt: string | null;
}

export interface Verdict {
  matches: boolean;
  /** Why the stored hash could not be checked at all. */
  fault?: HashFault;
  /** It matched, but is not what would be written today. */
  outdated?: boolean;
}

/** On whose behalf a password is checked: asked again when the turn comes, and told of a failure before the next turn begins. */
export interface Guard {
  /** The network that waits for it. */
  from: string;
  /** @throws to refuse it after all */
  stillAllowed?(): void;
  failed?(): void;
}

export interface Passwords extends Pick<Gate, "admit" | "requireRoom"> {
  /**
   * Hashes a new password: argon2id over its NFC, for Flask over the text as it was sent.
   * @param from the network that waits for it, if any
   * @throws ApiError `overloaded` when too many wait already
   */
  hash(password: string, from?: string): Promise<{ pwd: string; salt: string }>;
  /**
   * Compares a password with what is stored for a user. Without a user the same work is done on a decoy.
   * @throws what the guard throws
   * @throws ApiError `overloaded` when too many wait already
   */
  verify(password: string, stored: StoredPassword | undefined, guard?: Guard): Promise<Verdict>;
}

/** Password hashing behind one gate. */
export function createPasswords(
  { argon2, legacy, supports }: Hashing,
  options: { format: PasswordFormat; cost: Argon2Cost } & GateLimits,
  observer?: GateObserver,
): Passwords & { depth(): GateDepth } {
  const { admit, requireRoom, turn, depth } = createGate(options, observer);
  const decoy = { pwd: decoyHash(options.format, options.cost), salt: "" };
  const current = currentPrefix(options.format, options.cost);
  const check = async (password: string, stored: StoredPassword): Promise<Verdict> => {
    const parsed = parseHash(stored.pwd);
    if (typeof parsed === "string") return { matches: false, fault: parsed };
    if (supports?.(parsed) === false) return { matches: false, fault: "unsupported" };
    if (parsed.kind !== "argon2id") {
      // Flask hashes the text as it was sent, so every normal form in which that may have been is tried.
      for (const form of spellings(password)) {
        if (await verifyWerkzeug(legacy, form, stored.salt, parsed)) return { matches: true };
      }
      return { matches: false };
    }
    const normal = normalForm(password);
    // Nobody has an empty argon2id password, and Bun would answer one without doing the work.
    const verified = await argon2.verify(normal || "-", stored.pwd ?? "").catch(() => undefined);
    if (verified === undefined) return { matches: false, fault: "unreadable" };
    return { matches: verified && password !== "" };
  };

  return {
    admit,
    requireRoom,
    async hash(password, from = NOBODY) {
      if (options.format === "werkzeug") return turn(from, () => hashWerkzeug(legacy, password));
      return { pwd: await turn(from, () => argon2.hash(normalForm(password))), salt: "" };
    },
    verify: (password, stored, guard) =>
      turn(guard?.from ?? NOBODY, async () => {
        guard?.stillAllowed?.();
        const verdict: Verdict = stored ? await check(password, stored) : { matches: false };
        if (verdict.fault === "unsupported") return verdict; // no password was tried, and none failed
        if (!stored || verdict.fault) await check(password, decoy);
        // Half a surrogate pair has no UTF-8 and is hashed as U+FFFD: it must not pass for that.
        if (!password.isWellFormed()) verdict.matches = false;
        if (!verdict.matches) guard?.failed?.();
        if (verdict.matches && !stored?.pwd?.startsWith(current)) verdict.outdated = true;
        return verdict;
      }),
    depth,
  };
}

/** In place of a network: an operator's command. */
const NOBODY = "";

const spellings = (password: string): Set<string> =>
  new Set([password, normalForm(password), normalForm(password, "NFD")]);

/** How every hash begins that is written today. */
function currentPrefix(format: PasswordFormat, { memoryKib, timeCost }: Argon2Cost): string {
  if (format === "werkzeug") return `pbkdf2:sha256:${WERKZEUG_ITERATIONS}$`;
  return `$argon2id$v=19$m=${memoryKib},t=${timeCost},p=1$`;
}

/** A well-formed string of today's price that no password matches: its digest is random and was never computed. */
function decoyHash(format: PasswordFormat, cost: Argon2Cost): string {
  const bytes = crypto.getRandomValues(new Uint8Array(64));
  if (format === "werkzeug") {
    return `${currentPrefix(format, cost)}decoy-decoy-deco$${hex(bytes.subarray(0, 32))}`;
  }
  return `${currentPrefix(format, cost)}${base64(bytes.subarray(0, 32))}$${base64(bytes.subarray(32))}`;
}
