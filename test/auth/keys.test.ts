import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { sign, verify } from "hono/jwt";
import { createKeyring, readSigned, signClaims } from "../../src/auth/keys.ts";
import { bunHmac } from "../../src/runtime/bun.ts";
import { TEST_SECRET } from "../support/app.ts";

test("whichever way the signature is made, the token is the same, and good for others", async () => {
  const secret = `${TEST_SECRET} пароль ${"x".repeat(100)}`; // longer than a block of the hash
  const claims = { sub: "Zoë \u{1f511} \ud800", n: 1, list: ["~", "?>?"] };
  const [own, web] = await Promise.all(
    [bunHmac, undefined].map(async (hmac) => signClaims(await createKeyring([secret], hmac), claims)),
  );
  expect(own).toBe(web as string);
  expect(await verify(own as string, secret, "HS256")).toMatchObject({ n: 1, list: ["~", "?>?"] });
});

test("a token of a usual header is known by its signature, with either HMAC and with any key; others are left to Hono's check", async () => {
  const claims = { sub: "Zoë \u{1f511}", list: ["~", "?>?"] };
  const old = `${TEST_SECRET} of last year`;
  for (const hmac of [bunHmac, undefined]) {
    const keyring = await createKeyring([TEST_SECRET, old], hmac);
    const token = await signClaims(keyring, claims);
    expect(await readSigned(keyring, token)).toEqual(claims);
    expect(await readSigned(keyring, await signClaims(await createKeyring([old]), claims))).toEqual(claims);

    const [header = "", payload = "", signature = ""] = token.split(".");
    const signed = (text: string, secret = TEST_SECRET) =>
      `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    for (const secret of [TEST_SECRET, old])
      for (const nameless of ['{"alg":"HS256","typ":"JWT"}', '{"typ":"JWT","alg":"HS256"}']) {
        const text = `${Buffer.from(nameless).toString("base64url")}.${payload}`;
        expect(await readSigned(keyring, signed(text, secret))).toEqual(claims);
      }

    const others = [
      await sign(claims, "another-test-secret-0123456789-0123456789"),
      await sign(claims, TEST_SECRET, "HS512"),
      await signClaims(await createKeyring(["another-test-secret-0123456789-0123456789"]), claims),
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}.`,
      `${header}.${payload}.${signature.slice(0, -2)}`,
      `${header}.${payload}.${signature}=`,
      `${header}.${payload.slice(0, -4)}.${signature}`,
      `${header}.${payload}.${signature}.${signature}`,
    ];
    for (const other of others) expect(await readSigned(keyring, other)).toBeUndefined();

    const noClaims = `${header}.${Buffer.from("{").toString("base64url")}`;
    expect(await readSigned(keyring, signed(noClaims))).toBeUndefined();
  }
});
