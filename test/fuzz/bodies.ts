import fc from "fast-check";
import { fair, jsonValue, text } from "./text.ts";

const utf8 = new TextEncoder();
const field = fc.oneof(fair, text, jsonValue);

/** An object with some of the fields that any endpoint knows, right or wrong, and others. */
const fields: fc.Arbitrary<object> = fc
  .tuple(
    fc.record(
      {
        username: field,
        password: field,
        newPassword: field,
        scope: fc.oneof(fc.constantFrom("session", "others", "all"), jsonValue),
      },
      { requiredKeys: [] },
    ),
    fc.dictionary(text, jsonValue, { maxKeys: 2 }),
  )
  .map(([known, others]) => ({ ...others, ...known }));

/** Text that once was JSON. */
const nearJson: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(fields, jsonValue).map((value) => JSON.stringify(value)),
    fc.nat(),
    fc.constantFrom(
      "cut",
      "insert",
      "twice",
      "bom",
      "comma",
      "quotes",
      "comment",
      "deep",
      "number",
      "escape",
    ),
    text,
  )
  .map(([json, at, how, other]) => {
    const i = at % (json.length + 1);
    switch (how) {
      case "cut":
        return json.slice(0, i);
      case "insert":
        return json.slice(0, i) + other + json.slice(i);
      case "twice":
        return `{"scope":"all","scope":${json},"username":"a","username":${json}}`;
      case "bom":
        return `\ufeff${json}`;
      case "comma":
        return json.replace(/}$/, ",}");
      case "quotes":
        return json.replaceAll('"', "'");
      case "comment":
        return `/* */${json}// x`;
      case "deep":
        return `${'{"scope":['.repeat(at % 900)}${json}`;
      case "number":
        return `{"username":1e999,"password":-0,"scope":00}`;
      default:
        return json.replace("scope", "\\u0073cope").replace("username", "\\u0075sername");
    }
  });

/** Bytes of any kind, text in other encodings, and what is just too long. */
const bytes: fc.Arbitrary<Uint8Array<ArrayBuffer>> = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((some) => Uint8Array.from(some)),
  fc.tuple(fields, fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.nat()).map(([value, junk, at]) => {
    const whole = utf8.encode(JSON.stringify(value));
    const i = at % (whole.length + 1);
    return Uint8Array.from([...whole.subarray(0, i), ...junk, ...whole.subarray(i)]);
  }),
  fields.map((value) => Uint8Array.from(Buffer.from(JSON.stringify(value), "utf16le"))),
  fc.constantFrom(16_383, 16_384, 16_385, 40_000).map((n) => utf8.encode(`"${"a".repeat(n - 2)}"`)),
  fc.constantFrom("[", '{"a":', '{"scope":[').map((open) => utf8.encode(open.repeat(1600))),
);

/** A body of any kind. */
export const body: fc.Arbitrary<string | Uint8Array<ArrayBuffer> | undefined> = fc.oneof(
  { weight: 5, arbitrary: fields.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: nearJson },
  { weight: 1, arbitrary: jsonValue.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: bytes },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
