import { describe, expect, test } from "bun:test";
import { createPasswords, type Hashing } from "../../src/auth/passwords.ts";
import { bunHashing } from "../../src/runtime/bun.ts";
import { CHEAP } from "../support/app.ts";

const DECOY = `$argon2id$v=19$m=8,t=1,p=1$${"A".repeat(43)}$${"A".repeat(43)}`;
const DEFAULT = { memoryKib: 19_456, timeCost: 2 };

describe("argon2id", () => {
  test("strings carry the configured price and fit the column", async () => {
    const stored = await bunHashing(DEFAULT).argon2.hash("a password");
    expect(stored).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
    expect(stored.length).toBeLessThanOrEqual(255);
    expect(await bunHashing(CHEAP).argon2.verify("a password", stored)).toBe(true);
    expect(await bunHashing(CHEAP).argon2.verify("another", stored)).toBe(false);
  });
});

describe("verify", () => {
  /** Counts the work that is asked for, and does it. */
  const counted = () => {
    const asked: string[] = [];
    const { argon2: real, legacy } = bunHashing(CHEAP);
    const argon2: Hashing["argon2"] = {
      hash: real.hash,
      verify: (password, stored) => {
        expect(password).not.toBe(""); // Bun would answer without doing the work
        asked.push(stored.split("$").slice(0, 4).join("$"));
        return real.verify(password, stored);
      },
    };
    return {
      asked,
      passwords: createPasswords(
        { argon2, legacy },
        { format: "argon2id", cost: CHEAP, concurrency: 1, queueLimit: 10 },
      ),
    };
  };

  test("half a surrogate pair does not pass for the character that stands in for it", async () => {
    const { passwords } = counted();
    const stored = await passwords.hash("a pass\ufffdword");
    expect(await passwords.verify("a pass\ufffdword", stored)).toEqual({ matches: true });
    expect(await passwords.verify("a pass\ud800word", stored)).toEqual({ matches: false });
  });
  test("does the same work whether or not there is a user", async () => {
    const { asked, passwords } = counted();
    const stored = await passwords.hash("right");
    expect(await passwords.verify("right", stored)).toEqual({ matches: true });
    expect(await passwords.verify("wrong", stored)).toEqual({ matches: false });
    expect(await passwords.verify("wrong", undefined)).toEqual({ matches: false });
    expect(await passwords.verify("", undefined)).toEqual({ matches: false });
    expect(await passwords.verify("", stored)).toEqual({ matches: false });
    expect(asked).toEqual(Array(5).fill("$argon2id$v=19$m=8,t=1,p=1"));
    expect(await passwords.verify("", await passwords.hash("-"))).toEqual({ matches: false });
  });
  test("says what is wrong with a stored string, matches nothing then, and does the same work", async () => {
    const { asked, passwords } = counted();
    expect(await passwords.verify("x", { pwd: null, salt: null })).toEqual({
      matches: false,
      fault: "missing",
    });
    for (const stored of [
      "x",
      "plain text",
      "$argon2id$",
      "$argon2id$v=19$m=8,t=1,p=1$AAAA",
      "$2b$10$abcdefghijklmnopqrstuv",
    ]) {
      expect(await passwords.verify("x", { pwd: stored, salt: null })).toEqual({
        matches: false,
        fault: "unreadable",
      });
    }
    expect(asked).toHaveLength(6);
  });
  test("a string that reads well and that the runtime refuses is unreadable too, and no error", async () => {
    const { asked, passwords } = counted();
    const stored = `$argon2id$v=19$m=0,t=1,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;
    const verdict = await passwords.verify("x", { pwd: stored, salt: null });
    expect(verdict).toEqual({ matches: false, fault: "unreadable" });
    expect(asked.at(-1)).toBe("$argon2id$v=19$m=8,t=1,p=1"); // the same work as for others
  });
});

describe("the gate", () => {
  test("lets work through that need not wait, also with no place to wait", async () => {
    const passwords = createPasswords(bunHashing(CHEAP), {
      format: "argon2id",
      cost: CHEAP,
      concurrency: 1,
      queueLimit: 0,
    });
    expect((await passwords.hash("x")).pwd).toStartWith("$argon2id$");
    const both = await Promise.allSettled([passwords.hash("x"), passwords.hash("x")]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });
  test("lets so many work, so many wait, and refuses the rest at once", async () => {
    let working = 0;
    let most = 0;
    const finish: (() => void)[] = [];
    const argon2: Hashing["argon2"] = {
      hash: async () => {
        most = Math.max(most, ++working);
        await new Promise<void>((resolve) => finish.push(resolve));
        working--;
        return "hash";
      },
      verify: async () => true,
    };
    const passwords = createPasswords(
      { ...bunHashing(CHEAP), argon2 },
      { format: "argon2id", cost: CHEAP, concurrency: 2, queueLimit: 3 },
    );
    const accepted = [1, 2, 3, 4, 5].map(() => passwords.hash("x"));
    for (let i = 0; i < 4; i++) await Promise.resolve();
    const legacy = { pwd: `pbkdf2:sha256:1$salt$${"0".repeat(64)}`, salt: "" };
    for (const work of [
      () => passwords.hash("x"),
      () => passwords.verify("x", undefined),
      () => passwords.verify("x", { pwd: DECOY, salt: "" }),
      () => passwords.verify("x", legacy),
    ]) {
      const waits = new Promise((resolve) => setImmediate(resolve, "it waits"));
      const outcome = work().then(
        () => "it was let in",
        (error) => error,
      );
      expect(await Promise.race([outcome, waits])).toMatchObject({
        code: "overloaded",
        status: 503,
        retryAfterSeconds: 1,
      });
    }
    const done = Promise.all(accepted);
    for (let finished = 0; finished < 5; ) {
      const next = finish.shift();
      if (next) {
        next();
        finished++;
      }
      await Promise.resolve();
    }
    expect(await done).toEqual(Array(5).fill({ pwd: "hash", salt: "" }));
    expect(most).toBe(2);
  });
});
