import { expect, test } from "bun:test";
import { normalForm } from "../../src/auth/normalForm.ts";

const MARKS = ["\u0316", "\u0301"]; // above and below, out of order

test("what a password of 128 characters is in any form is normalised, and so is a longer text", () => {
  for (const text of [
    "\u1f82".repeat(128), // each decomposes into four
    `\u1f82${"\u0301".repeat(127)}`,
    "ü".repeat(5000),
    "한".repeat(5000),
  ]) {
    const apart = text.normalize("NFD");
    expect(apart).not.toBe(text);
    expect(normalForm(apart)).toBe(text);
    expect(normalForm(text, "NFD")).toBe(apart);
  }
});

test("a long run of combining marks is left as it is: to put it in order takes time by its square", () => {
  for (const count of [80, 4000]) {
    const text = `${"x".repeat(100)}a${MARKS.join("").repeat(count)}`;
    expect(normalForm(text)).toBe(text);
    expect(text.normalize("NFC")).not.toBe(text);
  }
  const shorter = `${"x".repeat(100)}a${MARKS.join("").repeat(79)}`;
  expect(normalForm(shorter)).toBe(shorter.normalize("NFC"));
});
