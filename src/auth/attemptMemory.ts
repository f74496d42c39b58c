import type { Attempts } from "../db/attempts.ts";

/**
 * What this instance knows of the counts: what the database last said, and what it has counted itself and not stored
 * yet, or could not store.
 */
export interface AttemptMemory {
  /** The count of a bucket; 0 for one that is not known or has run out. */
  find(bucket: string, nowSeconds: number): Attempts;
  /** Counts one more, which is to be stored; the first sets when the bucket runs out. */
  count(bucket: string, nowSeconds: number, lastsSeconds: number): void;
  /** The moment before a question to the database, for `learn`. */
  asking(): number;
  /**
   * Takes over what the database says, after having stored some of the counts of here. Answers overtake each other: one to
   * a question from before the last rise can raise a count and not lower it.
   */
  learn(bucket: string, answer: Attempts & { storedNow: number; asked: number }): void;
}

interface Known {
  stored: number;
  unstored: number;
  expiresAt: number;
  /** When the count last rose, as `asking` counts. */
  rose: number;
}

/**
 * The limit that is left when the database cannot count. Bounded, since an attacker has many addresses: what was written
 * longest ago goes first.
 * @param capacity most buckets held
 */
export function createAttemptMemory(capacity = 50_000): AttemptMemory {
  const buckets = new Map<string, Known>();
  let moment = 0;
  const put = (bucket: string, known: Known): void => {
    buckets.delete(bucket); // a Map keeps the order of insertion
    if (known.stored + known.unstored > 0) buckets.set(bucket, known);
    const [oldest] = buckets.keys();
    if (buckets.size > capacity && oldest !== undefined) buckets.delete(oldest);
  };
  const live = (bucket: string, nowSeconds: number): Known | undefined => {
    const known = buckets.get(bucket);
    return known && known.expiresAt > nowSeconds ? known : undefined;
  };
  return {
    find(bucket, nowSeconds) {
      const known = live(bucket, nowSeconds);
      return known
        ? { count: known.stored + known.unstored, expiresAt: known.expiresAt }
        : { count: 0, expiresAt: nowSeconds };
    },
    count(bucket, nowSeconds, lastsSeconds) {
      const { stored, unstored, expiresAt } = live(bucket, nowSeconds) ?? {
        stored: 0,
        unstored: 0,
        expiresAt: nowSeconds + lastsSeconds,
      };
      put(bucket, { stored, unstored: unstored + 1, expiresAt, rose: ++moment });
    },
    asking: () => moment,
    learn(bucket, { count, expiresAt, storedNow, asked }) {
      const known = buckets.get(bucket) ?? { stored: 0, unstored: 0, expiresAt: 0, rose: 0 };
      const unstored = Math.max(0, known.unstored - storedNow);
      const overtaken = known.rose > asked && count <= known.stored;
      const stored = overtaken ? known.stored : count;
      const rose = stored > known.stored ? ++moment : known.rose;
      put(bucket, { stored, unstored, expiresAt: count > 0 ? expiresAt : known.expiresAt, rose });
    },
  };
}
