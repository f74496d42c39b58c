import type { Attempts } from "../db/attempts.ts";

/**
 * What this instance knows of the counts: what the database last said, and what it has counted itself but not stored,
 * or not yet.
 */
export interface AttemptMemory {
  /** The count of a bucket, 0 for one that is not known or has run out, and when it runs out (epoch seconds). */
  find(bucket: string, nowSeconds: number): Attempts;
  /** Counts one more, which is to be stored; the first sets when the bucket runs out. */
  count(bucket: string, nowSeconds: number, lastsSeconds: number): void;
  /** Takes over the database's count after one was stored. */
  stored(bucket: string, count: number, nowSeconds: number): void;
  /** What is known of a bucket: `refresh` is handed it back, to tell whether it has changed since. */
  look(bucket: string): unknown;
  /**
   * Takes over what the database said when asked; a lower count only if nothing was counted here since then. Counts that
   * were never stored are forgotten when the bucket runs out.
   */
  refresh(bucket: string, count: number, expiresAt: number, looked: unknown, nowSeconds: number): void;
}

interface Known {
  stored: number;
  unstored: number;
  expiresAt: number;
}

/**
 * The limit that remains when the database cannot count. Bounded, since an attacker has many addresses: the bucket that was
 * written longest ago goes first.
 * @param capacity most buckets held
 */
export function createAttemptMemory(capacity = 50_000): AttemptMemory {
  const buckets = new Map<string, Known>();
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
      put(bucket, { stored, unstored: unstored + 1, expiresAt });
    },
    stored(bucket, count, nowSeconds) {
      const known = live(bucket, nowSeconds);
      if (!known) return; // it has run out meanwhile
      // Answers may come in another order than the database counted.
      const stored = Math.max(known.stored, count);
      put(bucket, { ...known, stored, unstored: Math.max(0, known.unstored - 1) });
    },
    look: (bucket) => buckets.get(bucket),
    refresh(bucket, count, expiresAt, looked, nowSeconds) {
      const known = buckets.get(bucket);
      if (known !== looked && count < (known?.stored ?? 0)) return;
      put(bucket, {
        stored: count,
        unstored: live(bucket, nowSeconds)?.unstored ?? 0,
        expiresAt: count > 0 ? expiresAt : (known?.expiresAt ?? 0),
      });
    },
  };
}
