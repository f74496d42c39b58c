import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { affordable, edgeArgon2 } from "../../src/runtime/edge/argon2.ts";

const file = Bun.resolveSync("@phi-ag/argon2/argon2.wasm", import.meta.dir);
const module = new WebAssembly.Module(await Bun.file(file).bytes());
const COST = { memoryKib: 64, timeCost: 2 };
const ours = edgeArgon2(module, COST);
const onBun = (password: string, { memoryKib: memoryCost, timeCost } = COST) =>
  Bun.password.hash(password, { algorithm: "argon2id", memoryCost, timeCost });

const PASSWORDS = [
  "x",
  "пароль-один!",
  "密码 пароль 🔑",
  "nul \0 inside",
  "é".repeat(128),
  "\u{1f511}".repeat(64),
];

describe("argon2id by WebAssembly", () => {
  test("reads what Bun writes, and Bun what it writes", async () => {
    for (const password of PASSWORDS) {
      const [theirs, own] = [await onBun(password), await ours.hash(password)];
      expect(own.replace(/\$[^$]+\$[^$]+$/, "")).toBe(theirs.replace(/\$[^$]+\$[^$]+$/, ""));
      expect(own.length).toBe(theirs.length);
      expect([await ours.verify(password, theirs), await Bun.password.verify(password, own)]).toEqual([
        true,
        true,
      ]);
      expect(await ours.verify(password, own)).toBe(true);
    }
  });
  test("tells passwords apart to their last byte, also beyond ASCII", async () => {
    const pairs = [
      ["пароль-один!", "пароль-ДВА!!"],
      ["nul \0 inside", "nul \0 outside"],
      ["long".repeat(30), `${"long".repeat(30)}!`],
      ["x", "X"],
    ] as const;
    for (const [right, wrong] of pairs)
      for (const stored of [await onBun(right), await ours.hash(right)]) {
        expect(await ours.verify(wrong, stored)).toBe(false);
        const other = stored.replace(/.$/, (last) => (last === "A" ? "E" : "A")); // its last four bits
        expect(await ours.verify(right, other)).toBe(false);
      }
  });
  test("at the price that the service has by default", async () => {
    const usual = { memoryKib: 19_456, timeCost: 2 };
    const own = await edgeArgon2(module, usual).hash("usual price");
    expect(own).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
    expect(await Bun.password.verify("usual price", own)).toBe(true);
    expect(await ours.verify("usual price", await onBun("usual price", usual))).toBe(true);
  });
  test("salts each hash anew", async () => {
    expect(await ours.hash("same")).not.toBe(await ours.hash("same"));
  });
  test("hashes no empty password, and reads nothing but argon2id", async () => {
    const stored = await onBun("x");
    for (const work of [
      () => ours.hash(""),
      () => ours.verify("", stored),
      () => ours.verify("x", ""),
      () => ours.verify("x", stored.replace("argon2id", "argon2i")),
      () => ours.verify("x", stored.slice(0, -20)),
    ])
      await expect(work()).rejects.toThrow(TypeError);
  });
  test("what an isolate can afford", () => {
    expect(affordable({ memoryKib: 65_536, timeCost: 10 })).toBe(true);
    expect(affordable({ memoryKib: 65_537, timeCost: 1 })).toBe(false);
    expect(affordable({ memoryKib: 8, timeCost: 11 })).toBe(false);
  });
});

describe("the memory it works in", () => {
  const { Instance } = WebAssembly;
  const memories: WebAssembly.Memory[] = [];
  beforeAll(() => {
    WebAssembly.Instance = class extends Instance {
      constructor(...args: ConstructorParameters<typeof Instance>) {
        super(...args);
        memories.push(this.exports.memory as WebAssembly.Memory);
      }
    };
  });
  afterAll(() => {
    WebAssembly.Instance = Instance;
  });

  test("is one, does not grow with use, and keeps no password and no tag", async () => {
    const argon2 = edgeArgon2(module, COST);
    const password = "a password to be looked for";
    const stored = await argon2.hash(password);
    const size = memories[0]?.buffer.byteLength;
    for (let i = 0; i < 50; i++) await argon2.verify(password, stored);
    expect(memories).toHaveLength(1);
    const left = Buffer.from(memories[0]?.buffer ?? new ArrayBuffer(0));
    expect(left.length).toBe(size ?? 0);
    expect(left.includes(password)).toBe(false);
    expect(left.includes(Buffer.from(stored.split("$").at(-1) ?? "", "base64"))).toBe(false);
  });
});
