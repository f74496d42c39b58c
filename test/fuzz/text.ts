import fc from "fast-check";
import { MARK } from "./judge.ts";

/** Texts that have been trouble somewhere: encodings, normal forms, comparison, lengths, languages inside languages. */
const TROUBLE = [
  ...[
    "",
    " ",
    "\0",
    "a\0b",
    "\ufeff",
    "\u200b",
    "\u202eabc",
    "\u0661\u0662",
    "שלום",
    "\u2028",
    "\x7f",
    "\x85",
  ],
  ...["é", "e\u0301", "\u212b", "Å", "A\u030a", "ß", "ss", "İ", "ı", "ﬁ", "Ǆ", "ὀδυσσεύς", "각", "가\u11a8"],
  ...[
    "\ud800",
    "\udfff\ud800",
    "a\udc00",
    "\ufffd",
    "\uffff",
    "😀",
    "😁",
    "👨‍👩‍👧",
    "\u{10ffff}",
    "\u{e0001}",
  ],
  ...[
    "x".repeat(40),
    "x".repeat(41),
    "😀".repeat(40),
    "😀".repeat(41),
    "e\u0301".repeat(40),
    "x".repeat(129),
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "null",
    "undefined",
    "NaN",
    "1e309",
    "[object Object]",
  ],
  ...[
    "' OR 1=1 -- ",
    '"',
    "\\",
    "\\'",
    "%",
    "_",
    "?",
    ":a",
    "#{x}",
    "{{7*7}}",
    "<script>",
    "\r\nX: y",
    "%00",
    "%F0%9F",
  ],
];

const wild = fc.oneof(
  fc.constantFrom(...TROUBLE),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 45 }),
  fc.string({ unit: "grapheme-composite", maxLength: 45 }),
  fc.string({ minLength: 38, maxLength: 42, unit: fc.constantFrom("a", "é", "e\u0301", "😀", " ") }),
  // UTF-16 units one by one, which do not always come in pairs.
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
    .map((units) => String.fromCharCode(...units)),
);

/** Any text, at times with the mark in it, at times normalised. */
export const text: fc.Arbitrary<string> = fc
  .tuple(wild, wild, fc.constantFrom("plain", "plain", "marked", "NFC", "NFD", "NFKD"))
  .map(([a, b, how]) => {
    if (how === "plain") return a;
    return how === "marked" ? `${a}${MARK}${b}` : (a + b).normalize(how);
  });

/** A name or password that is likely to be accepted. */
export const fair: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      fc.string({ minLength: 5, maxLength: 20, unit: "grapheme" }),
      fc.string({ minLength: 8, maxLength: 30 }),
    ),
    fc.string({
      minLength: 4,
      maxLength: 8,
      unit: fc.constantFrom(..."abcdefghijkmnopqrstuvwxyz0123456789"),
    }),
  )
  .map(([a, b]) => `${a}${b}`);

/** Any JSON value; numbers beyond what JSON can say and back become null. */
export const jsonValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  text,
  fc.constantFrom(0, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, -1e300, null, true, false, [], {}, [null], {
    __proto__: 1,
  }),
);

/** What a header value may hold: bytes as characters, no NUL and no line ends (Fetch Standard, section 2.2.2). */
export const headerValue: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.string({
        maxLength: 40,
        unit: fc.integer({ min: 0x20, max: 0xff }).map((n) => String.fromCharCode(n)),
      }),
      fc.constantFrom(
        "",
        ",",
        ";",
        "=",
        '"',
        "a".repeat(5000),
        "null",
        "-1",
        "0",
        "99999999999",
        "gzip",
        "chunked",
        "*/*",
      ),
    ),
    fc.constantFrom("", "", MARK),
  )
  .map(([a, mark]) => (a + mark).replace(/[\0\r\n\x7f]/g, ""));
