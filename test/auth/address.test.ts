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
  memory.learn("a", { count: 7, expiresAt: 108, storedNow: 1, asked: memory.asking() });
  expect(memory.find("a", 105)).toEqual({ count: 8, expiresAt: 108 });
  memory.learn("a", { count: 0, expiresAt: 105, storedNow: 0, asked: memory.asking() }); // an operator cleared it
  expect(memory.find("a", 105)).toEqual({ count: 1, expiresAt: 108 });
  expect(memory.find("a", 108).count).toBe(0);
  memory.count("a", 108, 10);
  expect(memory.find("a", 109)).toEqual({ count: 1, expiresAt: 118 });
});

test("an answer that was overtaken by a newer count does not lower it", () => {
  const memory = createAttemptMemory();
  const lookedUp = memory.asking();
  memory.count("a", 100, 10);
  const counted = memory.asking();
  memory.count("a", 100, 10);
  const countedLater = memory.asking();
  memory.learn("a", { count: 2, expiresAt: 110, storedNow: 1, asked: countedLater });
  memory.learn("a", { count: 1, expiresAt: 110, storedNow: 1, asked: counted });
  memory.learn("a", { count: 0, expiresAt: 100, storedNow: 0, asked: lookedUp });
  expect(memory.find("a", 101).count).toBe(2);
  memory.learn("a", { count: 5, expiresAt: 110, storedNow: 0, asked: lookedUp }); // more it may say
  expect(memory.find("a", 101).count).toBe(5);
});
