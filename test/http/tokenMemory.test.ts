import { expect, test } from "bun:test";
import { createTokenMemory } from "../../src/http/tokenMemory.ts";

test("it holds no more than it may, whatever is put in", () => {
  const memory = createTokenMemory(10);
  const kept = () => [...Array(1000).keys()].filter((i) => memory.find(`token ${i}`) !== undefined);
  for (let i = 0; i < 1000; i++) memory.keep(`token ${i}`, { i });
  expect(kept()).toContain(999);
  expect(kept().length).toBeLessThanOrEqual(10);
});

test("what is asked for is not forgotten, what is not is", () => {
  const memory = createTokenMemory(10);
  memory.keep("asked for", { sub: "ada" });
  memory.keep("never again", { sub: "grace" });
  for (let i = 0; i < 100; i++) {
    memory.keep(`token ${i}`, {});
    expect(memory.find("asked for")).toEqual({ sub: "ada" });
  }
  expect(memory.find("never again")).toBeUndefined();
  expect(memory.find("asked")).toBeUndefined();
});
