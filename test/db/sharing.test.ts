import { describe, expect, test } from "bun:test";
import type { Database } from "../../src/db/connection.ts";
import { sharing } from "../../src/db/sharing.ts";
import { until } from "../support/process.ts";

/** Queries that are answered when the test says so, and waited for as long as that takes. */
function asked(limits: { most?: number; least?: number; patienceMs?: number } = {}) {
  const queries: { keys: number[]; answer: () => void; fail: () => void }[] = [];
  const ask = sharing<number, string>(
    (_, keys) => {
      return new Promise((resolve, reject) => {
        queries.push({
          keys,
          answer: () => resolve(keys.map((key) => `answer ${key}`)),
          fail: () => reject(new Error("no database")),
        });
      });
    },
    { most: 100, least: 100, patienceMs: 60_000, ...limits },
  );
  return { ask, queries };
}
/** A request's view of a database, which is the same for all or another one. */
const viewOf = (shared: Database) => ({
  shared,
  limited: () => shared,
  allowance: { leftMs: Number.POSITIVE_INFINITY },
});
const db = () => viewOf({} as Database);
/** Lets all that can go on do so. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
const sent = (queries: { keys: number[] }[]) => queries.map(({ keys }) => keys);

describe("sharing", () => {
  test("who asks alone does not wait; who asks while another query is under way goes along with all of that turn", async () => {
    const { ask, queries } = asked();
    const one = db();
    const first = ask(one, 1);
    expect(sent(queries)).toEqual([[1]]);
    const later = [ask(one, 2), ask(one, 3)];
    expect(sent(queries)).toEqual([[1]]);
    await settled();
    expect(sent(queries)).toEqual([[1], [2, 3]]);
    for (const { answer } of queries) answer();
    expect(await first).toBe("answer 1");
    expect(await Promise.all(later)).toEqual(["answer 2", "answer 3"]);
    const busy = [ask(one, 4), ask(one, 5)]; // the last query was shared: they wait for each other
    await settled();
    expect(sent(queries)).toEqual([[1], [2, 3], [4, 5]]);
    queries[2]?.answer();
    await Promise.all(busy);
  });
  test("two are under way at the most; who comes later waits for the next query, never for the one in flight", async () => {
    const { ask, queries } = asked();
    const one = db();
    const first = ask(one, 1);
    const second = ask(one, 2);
    await settled();
    const later = [ask(one, 3), ask(one, 4)];
    await settled();
    expect(sent(queries)).toEqual([[1], [2]]);
    queries[1]?.answer();
    expect(await second).toBe("answer 2");
    await settled();
    const last = ask(one, 5);
    await settled();
    expect(sent(queries)).toEqual([[1], [2], [3, 4]]);
    queries[2]?.answer();
    expect(await Promise.all(later)).toEqual(["answer 3", "answer 4"]);
    await settled();
    expect(sent(queries)).toEqual([[1], [2], [3, 4], [5]]);
    queries[3]?.answer();
    expect(await last).toBe("answer 5");
    queries[0]?.answer();
    expect(await first).toBe("answer 1");
  });
  test("a query that fails fails those that share it, and nobody else", async () => {
    const { ask, queries } = asked();
    const one = db();
    const first = ask(one, 1);
    const failed = Promise.allSettled([ask(one, 2), ask(one, 3)]);
    await settled();
    const next = [ask(one, 4), ask(one, 5)];
    queries[1]?.fail();
    expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await settled();
    for (const { answer } of queries) answer();
    expect(await Promise.all([first, ...next])).toEqual(["answer 1", "answer 4", "answer 5"]);
  });
  test("who waits pays for all of the wait, from the asking on, whether it ends with an answer or with a failure", async () => {
    const { ask, queries } = asked();
    const to = db();
    const [one, two] = [
      { ...to, allowance: { leftMs: 1_000 } },
      { ...to, allowance: { leftMs: 1_000 } },
    ];
    const under = [ask(to, 1), ask(to, 2)];
    await settled();
    const answered = ask(one, 3);
    await Bun.sleep(60);
    queries[0]?.answer();
    await settled();
    queries[2]?.answer();
    await answered;
    const failing = ask(two, 4);
    await Bun.sleep(60);
    queries[1]?.answer();
    await settled();
    queries[3]?.fail();
    await expect(failing).rejects.toThrow("no database");
    await Promise.all(under);
    for (const { allowance } of [one, two]) expect(allowance.leftMs).toBeLessThan(1_000 - 59);
  });
  test("many are dealt out to both, few are not, and no query has more keys than it may", async () => {
    const { ask, queries } = asked({ most: 3, least: 2 });
    const one = db();
    const together = async (keys: number[]) => {
      const before = queries.length;
      const answers = keys.map((key) => ask(one, key));
      await settled();
      const at = sent(queries.slice(before));
      while (queries.length > 0) {
        for (const { answer } of queries.splice(0)) answer();
        await settled();
      }
      expect(await Promise.all(answers)).toEqual(keys.map((key) => `answer ${key}`));
      return at;
    };
    await together([1, 2, 3]); // from now on nobody is taken for alone
    expect(await together([1, 2])).toEqual([[1, 2]]);
    expect(await together([1, 2, 3])).toEqual([[1, 2], [3]]);
    expect(await together([1, 2, 3, 4, 5])).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(await together([1, 2, 3, 4, 5, 6, 7, 8])).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
  test("a query that does not end is not waited for long", async () => {
    const { ask, queries } = asked({ patienceMs: 20 });
    const one = db();
    const stuck = [ask(one, 1), ask(one, 2)];
    await settled();
    const next = [ask(one, 3), ask(one, 4)];
    await until(
      () => queries.length === 3,
      () => "it is waited for",
    );
    expect(sent(queries)).toEqual([[1], [2], [3, 4]]);
    queries[2]?.answer();
    expect(await Promise.all(next)).toEqual(["answer 3", "answer 4"]);
    for (const { answer } of queries) answer();
    expect(await Promise.all(stuck)).toEqual(["answer 1", "answer 2"]);
  });
  test("however many came meanwhile, nobody waits for one that does not end", async () => {
    const { ask, queries } = asked({ most: 3, least: 2, patienceMs: 20 });
    const one = db();
    const stuck = [ask(one, 1), ask(one, 2)];
    await settled();
    const next = [3, 4, 5, 6, 7, 8, 9, 10].map((key) => ask(one, key));
    await until(
      () => queries.length > 2,
      () => "they are waited for",
    );
    expect(sent(queries)).toEqual([[1], [2], [3, 4, 5], [6, 7, 8], [9, 10]]);
    for (const { answer } of queries) answer();
    expect(await Promise.all([...stuck, ...next])).toHaveLength(10);
  });
  test("requests on one pool share, those on two pools do not", async () => {
    const { ask, queries } = asked();
    const [one, other] = [{}, {}];
    const on = (pool: object) => viewOf({ $client: { pool } } as Database); // a request's own, on a pool
    const answers = [ask(on(one), 1), ask(on(other), 2), ask(on(one), 3), ask(on(one), 4)];
    await settled();
    expect(sent(queries)).toEqual([[1], [2], [3, 4]]);
    for (const { answer } of queries) answer();
    await Promise.all(answers);
  });
});
