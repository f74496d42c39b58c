import { describe, expect, test } from "bun:test";
import { testApp, unique } from "../support/app.ts";

/** The address that a request counts as, by the log. */
async function addressOf(env: Record<string, string>, connection: string, headers: Record<string, string>) {
  const it = await testApp({ env, address: connection });
  await it.request("GET", "/livez", { headers });
  return it.logged.find(({ message }) => message === "request")?.fields.address;
}

const PROXY = "192.0.2.9";
const FORGED = "203.0.113.66";

describe("the client's address", () => {
  test("is the other end of the connection, whatever headers say, unless proxies are trusted", async () => {
    const headers = { "X-Forwarded-For": FORGED, Forwarded: `for=${FORGED}`, "X-Real-IP": FORGED };
    expect(await addressOf({}, "::ffff:198.51.100.1", headers)).toBe("198.51.100.1");
    expect(await addressOf({}, "2001:DB8::1", headers)).toBe("2001:db8::1");
  });
  for (const [name, write] of [
    ["X-Forwarded-For", (list: string[]) => list.join(", ")],
    [
      "Forwarded",
      (list: string[]) => list.map((a) => `for="${a.includes(":") ? `[${a}]` : a}";proto=https`).join(","),
    ],
  ] as const) {
    test(`is counted by trusted proxies from the right of ${name}`, async () => {
      const see = (hops: number, ...list: string[]) =>
        addressOf({ TRUSTED_HOPS: String(hops), FORWARDED_HEADER: name }, PROXY, { [name]: write(list) });
      expect(await see(1, "198.51.100.1")).toBe("198.51.100.1");
      expect(await see(1, FORGED, "198.51.100.1")).toBe("198.51.100.1");
      expect(await see(2, FORGED, "198.51.100.1", "192.0.2.8")).toBe("198.51.100.1");
      expect(await see(1, "2001:db8::7")).toBe("2001:db8::7");
      expect(await see(2, "198.51.100.1")).toBe(PROXY); // it came past a proxy: nothing in it can be trusted
      expect(await see(1, FORGED, "unknown")).toBe(PROXY);
      expect(await see(1, FORGED, "")).toBe(PROXY);
    });
    test(`the other header than ${name} says nothing`, async () => {
      const other = name === "Forwarded" ? "X-Forwarded-For" : "Forwarded";
      const headers = { [other]: other === "Forwarded" ? `for=${FORGED}` : FORGED };
      expect(await addressOf({ TRUSTED_HOPS: "1", FORWARDED_HEADER: name }, PROXY, headers)).toBe(PROXY);
    });
  }
  test("with a port, quoted, in any case, beside other parameters", async () => {
    const forwarded = (value: string) =>
      addressOf({ TRUSTED_HOPS: "1", FORWARDED_HEADER: "Forwarded" }, PROXY, { Forwarded: value });
    expect(await forwarded('proto=http;FOR="198.51.100.1:4711";by=192.0.2.9')).toBe("198.51.100.1");
    expect(await forwarded('For="[2001:db8:cafe::17]:4711"')).toBe("2001:db8:cafe::17");
    expect(await forwarded(`for=198.51.100.1;by="a,for=${FORGED}"`)).toBe("198.51.100.1");
    expect(await forwarded(`for="_x\\",for=${FORGED}"`)).toBe(PROXY);
    expect(await forwarded("for=_hidden")).toBe(PROXY);
    const xff = (value: string) => addressOf({ TRUSTED_HOPS: "1" }, PROXY, { "X-Forwarded-For": value });
    expect(await xff("198.51.100.1:4711")).toBe("198.51.100.1");
    expect(await xff("[2001:db8::17]:4711")).toBe("2001:db8::17");
  });
  test("is not to be forged by a quotation that swallows what a proxy wrote, or that a proxy quotes", async () => {
    const see = (hops: number, value: string) =>
      addressOf({ TRUSTED_HOPS: String(hops), FORWARDED_HEADER: "Forwarded" }, PROXY, { Forwarded: value });
    for (const left of [`for=${FORGED};x="`, `for="${FORGED}";x=";y="`, `for=${FORGED};x="\\`, '"', ""]) {
      expect(await see(1, `${left}, for="[2001:db8::1]"`)).toBe("2001:db8::1");
      expect(await see(1, `${left},for="198.51.100.1:4711";proto=https`)).toBe("198.51.100.1");
      expect(await see(2, `${left}, for="198.51.100.1:4711", for="192.0.2.8:80"`)).toBe("198.51.100.1");
    }
    expect(await see(1, `host="x;for=${FORGED};y,z";for=198.51.100.1`)).toBe("198.51.100.1");
    expect(await see(1, `host="x\\",for=${FORGED};y=\\"z";for=198.51.100.1`)).toBe(PROXY);
    expect(await see(1, `for=${FORGED};x="`)).toBe(PROXY);
  });
  test("is what a client is throttled by: forging the header gets nobody another count", async () => {
    const it = await testApp({ env: { TRUSTED_HOPS: "1", LOGIN_FAILURES_PER_CLIENT: "3" } });
    const real = it.state.address;
    it.state.address = PROXY;
    const attempt = (n: number) =>
      it.post(
        "/api/login",
        { username: unique("nobody"), password: "x" },
        { "X-Forwarded-For": `203.0.113.${n}, ${real}` },
      );
    const codes = [];
    for (let n = 0; n < 5; n++) codes.push((await attempt(n)).body.code);
    expect(codes.slice(2)).toEqual(["unknown_username", "too_many_attempts", "too_many_attempts"]);
  });
  test("a platform that knows the client, and says the same in the header, is no such proxy", async () => {
    const it = await testApp();
    const forwarded = { "X-Forwarded-For": `${FORGED}, ${it.state.address}` };
    await it.request("GET", "/livez", { headers: forwarded });
    expect(it.logged.map(({ message }) => message)).toContain("request");
    expect(it.logged.filter(({ message }) => message.includes("TRUSTED_HOPS"))).toEqual([]);
  });
  test("a proxy that nobody told us of is told to the log, once", async () => {
    const warnings = async (headers: Record<string, string>, hops = "0") => {
      const it = await testApp({ env: { TRUSTED_HOPS: hops } });
      for (let n = 0; n < 3; n++) await it.request("GET", "/livez", { headers });
      if (hops === "0") expect(JSON.stringify(it.logged)).not.toContain(FORGED);
      return it.logged.filter(({ message }) => message.includes("TRUSTED_HOPS is 0")).length;
    };
    expect(await warnings({})).toBe(0);
    for (const headers of [{ "X-Forwarded-For": FORGED }, { Forwarded: `for=${FORGED}` }])
      expect([await warnings(headers), await warnings(headers, "1")]).toEqual([1, 0]);
  });
});
