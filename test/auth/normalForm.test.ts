import { expect, test } from "bun:test";
import { normalForm, surelyLonger } from "../../src/auth/normalForm.ts";

test("no character decomposes into more than four, so no text of so many can be sent in more than four times as many", () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue; // surrogates
    const length = [...String.fromCodePoint(code).normalize("NFD")].length;
    if (length > 4) throw new Error(`U+${code.toString(16)} decomposes into ${length}`);
  }
});

test("a text that could be of so many characters is normalised, a longer one left as it is", () => {
  const four = "\u1f82".normalize("NFD");
  expect([...four]).toHaveLength(4);
  for (const [count, most, longer] of [
    [40, 40, false],
    [41, 40, true],
    [128, 128, false],
    [129, 128, true],
  ] as const) {
    const text = four.repeat(count);
    expect([count, most, surelyLonger(text, most)]).toEqual([count, most, longer]);
    expect(normalForm(text, most)).toBe(longer ? text : "\u1f82".repeat(count));
    expect(normalForm("\u1f82".repeat(count), most, "NFD")).toBe(text);
  }
  expect(surelyLonger("😀".repeat(160), 40)).toBe(false);
  expect(surelyLonger("😀".repeat(161), 40)).toBe(true);
});
