import { base64, sameBytes } from "../../auth/encoding.ts";
import type { Argon2Cost, Hashing } from "../../auth/passwords.ts";
import { parseHash, type StoredHash } from "../../auth/storedHash.ts";

/** What is used of the reference implementation in C, compiled to WebAssembly. Addresses and lengths are in bytes. */
interface Argon2Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(at: number): void;
  /** Of passes, KiB, lanes; password, salt, tag and encoded text (each: where, how long); type, version. */
  argon2_hash(...numbers: number[]): number;
}

const ARGON2ID = 2;
const VERSION = 0x13;
/** As many as Bun writes. */
const SALT_BYTES = 32;
const TAG_BYTES = 32;

/** What a hash may cost in an isolate, whose memory is 128 MB. */
export const EDGE_LIMITS = { memoryKib: 65_536, timeCost: 10 };

/** Whether an isolate can afford a stored hash. */
export const affordable = ({ memoryKib, timeCost }: Argon2Cost): boolean =>
  memoryKib <= EDGE_LIMITS.memoryKib && timeCost <= EDGE_LIMITS.timeCost;

type Argon2Hash = Extract<StoredHash, { kind: "argon2id" }>;

/**
 * Argon2id in the strings that Bun reads and writes, computed where it is called: while it does, nothing else runs.
 * @param module compiled by the platform, which lets nobody compile any later
 */
export function edgeArgon2(module: WebAssembly.Module, cost: Argon2Cost): Hashing["argon2"] {
  let instance: Argon2Exports | undefined;

  const derive = (password: string, salt: Uint8Array, cost: Omit<Argon2Hash, "kind">, tagBytes: number) => {
    if (password === "") throw new TypeError("an empty password is not hashed");
    const secret = new TextEncoder().encode(password);
    instance ??= start(module);
    const { memory, malloc, free, argon2_hash } = instance;
    const [saltAt, tagAt] = [secret.length, secret.length + salt.length];
    const size = tagAt + tagBytes;
    const at = malloc(size);
    // The memory may have grown, and then has another buffer.
    const place = () => new Uint8Array(memory.buffer, at, at === 0 ? 0 : size);
    try {
      place().set(secret);
      place().set(salt, saltAt);
      const price = [cost.timeCost, cost.memoryKib, cost.lanes] as const;
      const places = [at, secret.length, at + saltAt, salt.length, at + tagAt, tagBytes];
      const failure = argon2_hash(...price, ...places, 0, 0, ARGON2ID, VERSION);
      if (failure !== 0) throw new RangeError(`argon2: ${failure}`);
      return place().slice(tagAt);
    } catch (error) {
      instance = undefined; // whatever state it is in
      throw error;
    } finally {
      place().fill(0);
      free(at);
      secret.fill(0);
    }
  };

  return {
    async hash(password) {
      const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
      const tag = derive(password, salt, { ...cost, lanes: 1 }, TAG_BYTES);
      return `$argon2id$v=19$m=${cost.memoryKib},t=${cost.timeCost},p=1$${base64(salt)}$${base64(tag)}`;
    },
    async verify(password, stored) {
      const parsed = parseHash(stored);
      if (typeof parsed === "string" || parsed.kind !== "argon2id") throw new TypeError("no argon2id hash");
      const parts = stored.split("$").slice(-2);
      const [salt, expected] = parts.map((part) => Uint8Array.fromBase64(part)) as [Uint8Array, Uint8Array];
      return sameBytes(derive(password, salt, parsed, expected.length), expected);
    },
  };
}

function start(module: WebAssembly.Module): Argon2Exports {
  const exports = new WebAssembly.Instance(module).exports as unknown as Argon2Exports;
  exports._initialize();
  return exports;
}
