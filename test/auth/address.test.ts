import { expect, test } from "bun:test";
import { canonicalAddress, clientNetwork } from "../../src/auth/address.ts";
import { createAttemptMemory } from "../../src/auth/attemptMemory.ts";

test("addresses in one spelling, and null for what is none", () => {
  for (const [given, spelled] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::", "::"],
    ["256.0.0.1", null],
    ["192.0.2", null],
    ["0x7f.1", null],
    ["example.com", null],
    ["unknown", null],
    ["2001:db8::1::2", null],
    ["a:80", null],
    ["", null],
    ["::1]/x?[", null],
  ] as const)
    expect([given, canonicalAddress(given)]).toEqual([given, spelled]);
});

test("a client is an IPv4 address or an IPv6 network of 64 bits", () => {
  for (const [address, network] of [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::2:3:4:5:6", "1:0:0:2::/64"],
    ["something else", "something else"],
  ] as const)
    expect([address, clientNetwork(address)]).toEqual([address, network]);
});

test("the memory of attempts is bounded: what was written longest ago goes first", () => {
  const memory = createAttemptMemory(3);
  for (const bucket of ["a", "b", "c", "a", "d"]) memory.count(bucket, 100, 10);
  expect(["a", "b", "c", "d"].map((bucket) => memory.find(bucket, 100).count)).toEqual([2, 0, 1, 1]);
});

test("the memory adds what is not stored yet to what the database says", () => {
  const memory = createAttemptMemory();
  memory.count("a", 100, 10);
  memory.count("a", 101, 10);
  expect(memory.find("a", 105)).toEqual({ count: 2, expiresAt: 110 });
  memory.stored("a", 7, 105);
  memory.stored("a", 6, 105); // that answer came late
  memory.count("a", 105, 10);
  expect(memory.find("a", 105)).toEqual({ count: 8, expiresAt: 110 });
  const looked = memory.look("a");
  memory.count("a", 106, 10);
  memory.refresh("a", 3, 110, looked, 106); // read before that was counted
  expect(memory.find("a", 106).count).toBe(9);
  memory.refresh("a", 0, 105, memory.look("a"), 106); // an operator cleared it
  expect(memory.find("a", 106)).toEqual({ count: 2, expiresAt: 110 });
  expect(memory.find("a", 110).count).toBe(0);
  memory.count("a", 110, 10);
  expect(memory.find("a", 111)).toEqual({ count: 1, expiresAt: 120 });
});

test("what could not be stored counts until its bucket runs out, and not in the next window", () => {
  const memory = createAttemptMemory();
  for (let n = 0; n < 10; n++) memory.count("bucket", 1000, 900);
  memory.refresh("bucket", 2, 1900, memory.look("bucket"), 1500);
  expect(memory.find("bucket", 1899)).toEqual({ count: 12, expiresAt: 1900 });
  expect(memory.find("bucket", 1900).count).toBe(0);
  memory.refresh("bucket", 1, 2900, memory.look("bucket"), 2000);
  expect(memory.find("bucket", 2000)).toEqual({ count: 1, expiresAt: 2900 });
});
