import { describe, expect, spyOn, test } from "bun:test";
import { createGate } from "../../src/auth/gate.ts";

const never = () => new Promise<void>(() => {});
const overloaded = expect.objectContaining({ code: "overloaded", status: 503, retryAfterSeconds: 1 });

describe("places", () => {
  const two = () => createGate({ concurrency: Number.POSITIVE_INFINITY, queueLimit: 0, places: 2 });
  test("may be fewer than hashes, and are given back when the work has ended, well or not", async () => {
    const { admit, requireRoom } = two();
    const { promise, resolve } = Promise.withResolvers<void>();
    const taken = [admit("a", () => promise), admit("b", () => promise)];
    expect(() => requireRoom("c")).toThrow(overloaded);
    await expect(admit("c", async () => {})).rejects.toEqual(overloaded);
    resolve();
    await Promise.all(taken);
    await admit("a", () => Promise.reject(new Error("failed"))).catch(() => {});
    await Promise.all([admit("a", async () => {}), admit("a", async () => {})]);
  });
  test("that nobody gives back, since a platform ended the request, are free after a minute", () => {
    const { admit, requireRoom } = two();
    const now = spyOn(performance, "now").mockReturnValue(1_000);
    try {
      for (let i = 0; i < 2; i++) admit("a", never);
      now.mockReturnValue(61_000);
      expect(() => requireRoom("b")).toThrow(overloaded);
      now.mockReturnValue(61_001);
      requireRoom("b");
    } finally {
      now.mockRestore();
    }
  });
  test.each([
    { limits: { concurrency: 2, queueLimit: 8 }, most: 8, all: 10 },
    { limits: { concurrency: 2, queueLimit: 3 }, most: 5, all: 5 },
    { limits: { concurrency: 8, queueLimit: 0 }, most: 8, all: 8 },
    { limits: { concurrency: Number.POSITIVE_INFINITY, queueLimit: 0, places: 16 }, most: 12, all: 16 },
  ])("to wait in are not for one network alone, to a quarter: $limits", ({ limits, most, all }) => {
    const { admit, requireRoom } = createGate(limits);
    for (let i = 0; i < most; i++) admit("hog", never);
    expect(() => requireRoom("hog")).toThrow(overloaded);
    for (let i = most; i < all; i++) admit(`guest ${i}`, never);
    expect(() => requireRoom("guest")).toThrow(overloaded);
  });
});

describe("turns", () => {
  test("go round among the networks that wait, each in its own order", async () => {
    const { turn, depth } = createGate({ concurrency: 1, queueLimit: 10 });
    const done: string[] = [];
    const first = Promise.withResolvers<void>();
    const works = [turn("hog", () => first.promise)];
    const ask = (from: string, name: string) =>
      works.push(
        turn(from, async () => {
          done.push(name);
        }),
      );
    for (const name of ["hog 1", "hog 2", "hog 3", "hog 4"]) ask("hog", name);
    for (const name of ["a 1", "a 2"]) ask("a", name);
    ask("b", "b 1");
    expect(depth()).toEqual({ running: 1, waiting: 7 });
    first.resolve();
    await Promise.all(works);
    expect(done).toEqual(["hog 1", "a 1", "b 1", "hog 2", "a 2", "hog 3", "hog 4"]);
    expect(depth()).toEqual({ running: 0, waiting: 0 });
  });
  test("are handed on by work that fails, and told with how long they took", async () => {
    const waits: number[] = [];
    let refusals = 0;
    const { turn, depth } = createGate(
      { concurrency: 2, queueLimit: 1 },
      { onWait: (seconds) => waits.push(seconds), onRefusal: () => refusals++ },
    );
    const works = Array.from({ length: 4 }, () => turn("a", () => Promise.reject(new Error("no hash"))));
    const outcomes = await Promise.allSettled(works);
    expect(outcomes.map((one) => one.status === "rejected" && one.reason.message)).toEqual([
      "no hash",
      "no hash",
      "no hash",
      "Server overloaded, try again",
    ]);
    expect([waits.length, refusals, depth()]).toEqual([3, 1, { running: 0, waiting: 0 }]);
  });
});
