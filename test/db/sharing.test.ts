import { describe, expect, test } from "bun:test";
import type { Database } from "../../src/db/connection.ts";
import { sharing } from "../../src/db/sharing.ts";
import { until } from "../support/process.ts";

/** Queries that are answered when the test says so. */
function asked(most = 100) {
  const queries: { keys: number[]; answer: () => void; fail: () => void }[] = [];
  const ask = sharing<number, string>((_, keys) => {
    return new Promise((resolve, reject) => {
      queries.push({
        keys,
        answer: () => resolve(keys.map((key) => `answer ${key}`)),
        fail: () => reject(new Error("no database")),
      });
    });
  }, most);
  return { ask, queries };
}
const db = () => ({}) as Database;
/** Lets all that can go on do so. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
const sent = (queries: { keys: number[] }[]) => queries.map(({ keys }) => keys);

describe("sharing", () => {
  test("who asks alone does not wait; who comes later waits for the next query, never for the one in flight", async () => {
    const { ask, queries } = asked();
    const one = db();
    const first = ask(one, 1);
    await settled();
    const later = [ask(one, 2), ask(one, 3)];
    await settled();
    expect(sent(queries)).toEqual([[1]]);
    queries[0]?.answer();
    expect(await first).toBe("answer 1");
    await settled();
    const last = ask(one, 4);
    await settled();
    expect(sent(queries)).toEqual([[1], [2, 3]]);
    queries[1]?.answer();
    expect(await Promise.all(later)).toEqual(["answer 2", "answer 3"]);
    await settled();
    expect(sent(queries)).toEqual([[1], [2, 3], [4]]);
    queries[2]?.answer();
    expect(await last).toBe("answer 4");
  });
  test("a query that fails fails those that share it, and nobody after them", async () => {
    const { ask, queries } = asked();
    const one = db();
    const failed = ask(one, 1);
    await settled();
    const next = [ask(one, 2), ask(one, 3)];
    queries[0]?.fail();
    expect(failed).rejects.toThrow("no database");
    await settled();
    queries[1]?.answer();
    expect(await Promise.all(next)).toEqual(["answer 2", "answer 3"]);
  });
  test("no query has more keys than it may; what is over goes beside it", async () => {
    const { ask, queries } = asked(2);
    const one = db();
    const answers = [1, 2, 3, 4, 5].map((key) => ask(one, key));
    await settled();
    expect(sent(queries)).toEqual([[1]]);
    queries[0]?.answer();
    await settled();
    expect(sent(queries)).toEqual([[1], [2, 3], [4, 5]]);
    for (const { answer } of queries) answer();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5].map((key) => `answer ${key}`));
  });
  test("a query that does not end is not waited for long", async () => {
    const { ask, queries } = asked();
    const one = db();
    const stuck = ask(one, 1);
    await settled();
    const next = [ask(one, 2), ask(one, 3)];
    await until(
      () => queries.length === 2,
      () => "it is waited for",
    );
    expect(sent(queries)).toEqual([[1], [2, 3]]);
    queries[1]?.answer();
    expect(await Promise.all(next)).toEqual(["answer 2", "answer 3"]);
    queries[0]?.answer();
    expect(await stuck).toBe("answer 1");
  });
  test("requests on one pool share, those on two pools do not", async () => {
    const { ask, queries } = asked();
    const [one, other] = [{}, {}];
    const on = (pool: object) => ({ $client: { pool } }) as Database; // a request's own, on a pool
    const answers = [ask(on(one), 1), ask(on(other), 2), ask(on(one), 3), ask(on(one), 4)];
    await settled();
    expect(sent(queries)).toEqual([[1], [2]]);
    for (const { answer } of queries.slice()) answer();
    await settled();
    expect(sent(queries)).toEqual([[1], [2], [3, 4]]);
    queries[2]?.answer();
    await Promise.all(answers);
  });
});
