import { describe, expect, test } from "bun:test";
import { createHmac, pbkdf2Sync, scryptSync } from "node:crypto";
import { createPasswords } from "../../src/auth/passwords.ts";
import { bunHashing } from "../../src/runtime/bun.ts";
import { CHEAP } from "../support/app.ts";

const passwords = createPasswords(bunHashing(CHEAP), {
  format: "argon2id",
  cost: CHEAP,
  concurrency: 2,
  queueLimit: 100,
});
const ROW_SALT = "0123456789abcdef0123456789abcdef";
const PASSWORD = "s3cret пароль 🔑";
const pbkdf2 = (
  digest: string,
  iterations: number,
  salt: string,
  label = `pbkdf2:${digest}:${iterations}`,
  bytes?: number,
) =>
  `${label}$${salt}$${pbkdf2Sync(ROW_SALT + PASSWORD, salt, iterations, bytes ?? { sha1: 20, sha256: 32, sha512: 64 }[digest] ?? 0, digest).toString("hex")}`;
const scrypt = (n: number, r: number, p: number, salt: string, label = `scrypt:${n}:${r}:${p}`) =>
  `${label}$${salt}$${scryptSync(ROW_SALT + PASSWORD, salt, 64, { N: n, r, p, maxmem: 2 ** 28 }).toString("hex")}`;
const verify = (pwd: string | null, password = PASSWORD, salt: string | null = ROW_SALT) =>
  passwords.verify(password, { pwd, salt });

describe("strings of werkzeug", () => {
  const good: Record<string, string> = {
    "pbkdf2:sha256, the seed's count": pbkdf2("sha256", 260_000, "MhF8Wc6IfuomHJRb"),
    "pbkdf2:sha256, one round": pbkdf2("sha256", 1, "abc"),
    "pbkdf2:sha256, two million": pbkdf2("sha256", 2_000_000, "abc"),
    "pbkdf2:sha1": pbkdf2("sha1", 1000, "abcdefgh"),
    "pbkdf2:sha512": pbkdf2("sha512", 1000, "abcdefgh"),
    "pbkdf2:sha256 without a count": pbkdf2("sha256", 260_000, "abcdefgh", "pbkdf2:sha256"),
    "pbkdf2:sha256 without a count, of werkzeug 3.1": pbkdf2(
      "sha256",
      1_000_000,
      "abcdefgh",
      "pbkdf2:sha256",
    ),
    "scrypt:32768:8:1": scrypt(32_768, 8, 1, "MhF8Wc6IfuomHJRb"),
    "scrypt, cheap": scrypt(2, 1, 1, "s"),
    "scrypt without parameters": scrypt(32_768, 8, 1, "salt", "scrypt"),
    "a salt of another alphabet": pbkdf2("sha256", 10, "соль ./+=🧂:"),
    "a very long salt": pbkdf2("sha256", 10, "x".repeat(500)),
    "an empty salt": pbkdf2("sha256", 10, ""),
    "sha256 alone, of old versions": `sha256$salt$${createHmac("sha256", "salt")
      .update(ROW_SALT + PASSWORD)
      .digest("hex")}`,
  };
  for (const [name, stored] of Object.entries(good)) {
    test(`verify: ${name}`, async () => {
      expect(await verify(stored)).toEqual({ matches: true, outdated: true });
      expect(await verify(stored, `${PASSWORD}x`)).toEqual({ matches: false });
      expect(await verify(stored, PASSWORD, "another salt")).toEqual({ matches: false });
      expect(await verify(stored.replace(/.$/, (last) => (last === "0" ? "1" : "0")))).toEqual({
        matches: false,
      });
    });
  }
  test("a row without salt is what Python makes of it", async () => {
    const stored = `pbkdf2:sha256:10$salt$${pbkdf2Sync("Nonesecret", "salt", 10, 32, "sha256").toString("hex")}`;
    expect((await verify(stored, "secret", null)).matches).toBe(true);
  });
  test("passwords are taken as sent, and in the other forms of the same text", async () => {
    const stored = `pbkdf2:sha256:10$salt$${pbkdf2Sync(`${ROW_SALT}e\u0301`, "salt", 10, 32, "sha256").toString("hex")}`;
    expect((await verify(stored, "e\u0301")).matches).toBe(true);
    expect((await verify(stored, "é")).matches).toBe(true);
    expect((await verify(stored, "e")).matches).toBe(false);
  });
});

describe("strings that cannot be verified", () => {
  const whole = pbkdf2("sha256", 10, "salt");
  const faults: Record<string, string[]> = {
    missing: [""],
    cut: [
      whole.slice(0, -1),
      whole.slice(0, 40),
      "pbkdf2:sha256:260000$salt",
      "pbkdf2:sha256:26",
      scrypt(32_768, 8, 1, "MhF8Wc6IfuomHJRb").slice(0, 102),
      `$argon2id$v=19$m=8,t=1,p=1$${"A".repeat(43)}$${"A".repeat(32)}`,
    ],
    unreadable: [
      `${whole}0`,
      whole.toUpperCase(),
      "pbkdf2:sha256:0$salt$00",
      "pbkdf2:sha256:-5$salt$00",
      "pbkdf2:md5:10$salt$00",
      "pbkdf2:sha256:10:10$salt$00",
      "scrypt:3:1:1$salt$00",
      "scrypt:16384:8$salt$00",
      "plain$$secret",
      "md5$salt$d41d8cd98f00b204e9800998ecf8427e",
      "not a hash",
    ],
    "too costly": [
      pbkdf2("sha256", 1, "salt", "pbkdf2:sha256:2000001"),
      pbkdf2("sha256", 1, "salt", "pbkdf2:sha256:9999999999"),
      scrypt(2, 1, 1, "salt", "scrypt:32768:65:1"),
      scrypt(2, 1, 1, "salt", "scrypt:1048576:8:1"),
      scrypt(2, 1, 1, "salt", "scrypt:2:1:1000"),
      `$argon2id$v=19$m=262145,t=1,p=1$${"A".repeat(43)}$${"A".repeat(43)}`,
      "$argon2id$v=19$m=4000000,t=2,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
      "$argon2id$v=19$m=8,t=100000,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
    ],
  };
  for (const [fault, strings] of Object.entries(faults)) {
    test(fault, async () => {
      for (const stored of strings)
        expect([stored, await verify(stored)]).toEqual([stored, { matches: false, fault }] as never);
    });
  }
});

test("format werkzeug: what is written verifies, is up to date, and outdates argon2id", async () => {
  const writer = createPasswords(bunHashing(CHEAP), {
    format: "werkzeug",
    cost: CHEAP,
    concurrency: 2,
    queueLimit: 100,
  });
  const stored = await writer.hash(PASSWORD);
  expect(await writer.verify(PASSWORD, stored)).toEqual({ matches: true });
  expect(await passwords.verify(PASSWORD, stored)).toEqual({ matches: true, outdated: true });
  expect(await writer.verify(PASSWORD, await passwords.hash(PASSWORD))).toEqual({
    matches: true,
    outdated: true,
  });
  expect((await writer.hash(PASSWORD)).pwd).not.toBe(stored.pwd);
});
