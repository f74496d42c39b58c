import { expect, test } from "bun:test";
import { verify } from "hono/jwt";
import { createKeyring, signClaims } from "../../src/auth/keys.ts";
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
