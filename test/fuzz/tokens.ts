import { createHmac, timingSafeEqual } from "node:crypto";
import fc from "fast-check";
import { TEST_SECRET } from "../support/app.ts";
import { headerValue, jsonValue, text } from "./text.ts";

/** Tokens to start from. */
export interface Valid {
  access: string;
  refresh: string;
  /** Another user's. */
  strange: string;
}

/** Turns valid tokens into an `Authorization` header; `now` in epoch seconds. */
export type Authorization = (valid: Valid, now: number) => string | undefined;

const bare = (token: string) => token.replace("Bearer ", "");
const encode = (value: unknown) => Buffer.from(JSON.stringify(value) ?? "").toString("base64url");
const hmac = (text: string, secret: string, digest = "sha256") =>
  createHmac(digest, secret).update(text).digest("base64url");
const segment = (token: string, i: number) => bare(token).split(".")[i] ?? "";
/** A part of a token as JSON. @throws if it is none */
export const part = (token: string, i: number) =>
  JSON.parse(Buffer.from(segment(token, i), "base64url").toString());
const signed = (header: unknown, payload: unknown, secret = TEST_SECRET, digest = "sha256") => {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${hmac(text, secret, digest)}`;
};

type Forge = (token: string, valid: Valid, now: number) => string;
const forge = <T>(arbitrary: fc.Arbitrary<T>, make: (value: T) => Forge): fc.Arbitrary<Forge> =>
  arbitrary.map(make);

/** A claim's new value; a function of the present for times, and of the other user's claims. */
const claimChange: fc.Arbitrary<[string, (now: number, other: Record<string, unknown>) => unknown]> =
  fc.oneof(
    fc.tuple(
      fc.constantFrom("exp", "nbf", "iat", "rexp"),
      fc.oneof(
        fc.integer({ min: -15, max: 15 }).map((d) => (now: number) => now + d),
        fc.constantFrom(0.5, 1e12, 8.64e12, 8.65e12, 2 ** 53, 2 ** 63, 1e300, -1, -1e300).map((n) => () => n),
        fc.constantFrom(0.5, 7200, -7200, 1e9).map((d) => (now: number) => now + d),
        jsonValue.map((value) => () => value),
        fc.constant(() => undefined),
      ),
    ),
    fc.tuple(
      fc.constantFrom("sub", "jti", "sid", "rti", "type", "cnt", "fresh", "__proto__"),
      fc.oneof(
        text.map((value) => () => value),
        jsonValue.map((value) => () => value),
        fc
          .constantFrom("access", "refresh", "fixture-1", "FIXTURE-1 ", 0, 1, -1, 2 ** 31, 2 ** 53 - 1)
          .map((v) => () => v),
        fc
          .constantFrom("sub", "sid", "jti")
          .map((name) => (_: number, other: Record<string, unknown>) => other[name]),
        fc.constant(() => undefined),
      ),
    ),
  );

const forgery: fc.Arbitrary<Forge> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Forge>((token) => token) },
  {
    weight: 2,
    arbitrary: forge(fc.tuple(fc.nat(), fc.nat(7)), ([at, bit]) => (token) => {
      const bytes = Buffer.from(token, "latin1");
      const i = at % bytes.length;
      bytes[i] = (bytes[i] ?? 0) ^ (1 << bit);
      return bytes.toString("latin1");
    }),
  },
  {
    weight: 1,
    arbitrary: forge(
      fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: 1, maxLength: 5 }),
      (picks) => (_, v) =>
        picks.map(([which, i]) => segment([v.access, v.refresh, v.strange][which] ?? "", i)).join("."),
    ),
  },
  {
    weight: 2,
    arbitrary: forge(
      fc.tuple(
        fc.oneof(
          fc.constantFrom("none", "None", "HS256", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA"),
          jsonValue,
        ),
        fc.constantFrom("", "sha256", "sha384", "sha512"),
        fc.dictionary(
          fc.constantFrom("typ", "kid", "crit", "jwk", "jku", "x5u", "b64", "cty", "zip"),
          jsonValue,
        ),
      ),
      ([alg, digest, rest]) =>
        (token) => {
          const text = `${encode({ typ: "JWT", ...rest, alg })}.${segment(token, 1)}`;
          return `${text}.${digest ? hmac(text, TEST_SECRET, digest) : ""}`;
        },
    ),
  },
  {
    weight: 6,
    arbitrary: forge(fc.array(claimChange, { minLength: 1, maxLength: 3 }), (changes) => (token, v, now) => {
      const claims = part(token, 1);
      for (const [name, change] of changes) claims[name] = change(now, part(v.strange, 1));
      return signed(part(token, 0), claims);
    }),
  },
  { weight: 1, arbitrary: forge(jsonValue, (payload) => (token) => signed(part(token, 0), payload)) },
  { weight: 1, arbitrary: forge(jsonValue, (header) => (token) => signed(header, part(token, 1))) },
  {
    weight: 1,
    arbitrary: forge(
      fc.constantFrom("", " ", "not-the-test-secret-0123456789-0123456789", `${TEST_SECRET} `),
      (key) => (token) => signed(part(token, 0), part(token, 1), key || "x"),
    ),
  },
  {
    weight: 1,
    arbitrary: forge(
      fc.constantFrom("=", "==", "===", ".", "..", "!", "%3D", "é"),
      (end) => (token) => token + end,
    ),
  },
  {
    weight: 1,
    arbitrary: forge(fc.tuple(fc.nat(), headerValue), ([at, junk]) => (token) => {
      const i = at % (token.length + 1);
      return token.slice(0, i) + junk + token.slice(i);
    }),
  },
  { weight: 1, arbitrary: forge(headerValue, (junk) => () => junk) },
);

/** An `Authorization` header of any form; where it holds tokens, those of `kinds`. */
export const authorization = (kinds: ("access" | "refresh")[]): fc.Arbitrary<Authorization> =>
  fc
    .tuple(
      forgery,
      fc.constantFrom(...kinds, ...kinds, ...kinds, "access" as const, "refresh" as const),
      fc.constantFrom(
        ...Array<string>(8).fill("Bearer T"),
        ...[
          "bearer  T",
          "BEARER\tT",
          "Basic eA==, Bearer T",
          "Bearer T, Basic eA==",
          "Bearer T,",
          "T",
          "Bearer",
          "Bearer ",
        ],
        ...[
          "Bearer T, Bearer T",
          "Bearer T T",
          "Bearer T, Bearer U",
          "Digest T",
          "Bearer=T",
          'Bearer "T"',
          "Basic T",
        ],
      ),
    )
    .map(([make, kind, form]) => (valid, now) => {
      const token = make(bare(valid[kind]), valid, now).replace(/[^\t\x20-\x7e\x80-\xff]/g, "");
      return form.replace(/\b[TU]\b/g, (letter) => (letter === "T" ? token : bare(valid.strange)));
    });

/** What an own reading of a header says of its token. */
export interface Reading {
  /** Signed with our key under HS256, and every claim such that it could be let in, as far as the token itself tells. */
  may: boolean;
  /** So without any doubt: written as the service itself writes it. */
  must: boolean;
  claims: Record<string, unknown>;
}

const REFUSED: Reading = { may: false, must: false, claims: {} };

/** Reads a header by README and the RFCs, not by the code under test; `now` in epoch seconds. */
export function readAuthorization(
  header: string | undefined,
  type: "access" | "refresh",
  now: number,
): Reading {
  const bearers = (header ?? "")
    .split(",")
    .map((one) => one.trim().split(/\s+/))
    .filter(([scheme]) => scheme?.toLowerCase() === "bearer");
  const token = bearers.length === 1 && bearers[0]?.length === 2 ? bearers[0][1] : undefined;
  const segments = token?.split(".") ?? [];
  if (!token || segments.length !== 3) return REFUSED;
  try {
    const given = Buffer.from(segments[2] ?? "", "base64url");
    const right = Buffer.from(hmac(`${segments[0]}.${segments[1]}`, TEST_SECRET), "base64url");
    if (given.length !== right.length || !timingSafeEqual(given, right)) return REFUSED;
    const [head, claims] = [part(token, 0), part(token, 1)];
    if (head?.alg !== "HS256" || claims === null || typeof claims !== "object") return REFUSED;
    const { exp, nbf, jti, sub, sid, cnt } = claims;
    const inTime =
      typeof exp === "number" &&
      exp + 10 > now &&
      (nbf === undefined || (typeof nbf === "number" && nbf <= now + 10));
    const named = typeof jti === "string" && jti !== "" && typeof sub === "string";
    const counted = type === "access" || sid === undefined || Number.isSafeInteger(cnt);
    const may =
      inTime && named && claims.type === type && counted && (sid === undefined || typeof sid === "string");
    const plain =
      /^Bearer [\w-]+\.[\w-]+\.[\w-]{43}$/.test(header ?? "") && segments[2] === right.toString("base64url");
    const sober =
      exp < 8e12 &&
      claims.rti === undefined &&
      (nbf ?? 0) > -8e12 &&
      head.typ === "JWT" &&
      Object.keys(head).every((name) => ["alg", "typ", "kid"].includes(name));
    return { may, must: may && plain && sober, claims };
  } catch {
    return REFUSED;
  }
}
