import { and, between, eq, like, or, sql, sum } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { attempts } from "./schema.ts";
import { marks, prepared, statement } from "./statement.ts";
import { type StoredCredentials, unchangedPassword } from "./users.ts";

/** How often something was tried, until the count is forgotten (epoch seconds). */
export interface Attempts {
  count: number;
  expiresAt: number;
}

/** The counts of buckets that have not run out. */
export async function findAttempts(
  db: Database,
  buckets: string[],
  nowSeconds: number,
): Promise<Map<string, Attempts>> {
  const text = `SELECT bucket, count, expires_at AS expiresAt FROM attempt
    WHERE bucket IN (${marks(buckets.length)}) AND expires_at > ?`;
  const rows = await prepared<(Attempts & { bucket: string })[]>(db, text, [...buckets, nowSeconds]);
  return new Map(rows.map(({ bucket, count, expiresAt }) => [bucket, { count, expiresAt }]));
}

/** How much later than by our clock a count may run out that another instance began, in seconds. */
const CLOCK_SKEW_SECONDS = 60;

/** The first and the last end that a count which goes on may have, epoch seconds. */
const endsToCome = (nowSeconds: number, lastsSeconds: number) =>
  [nowSeconds + 1, nowSeconds + lastsSeconds + CLOCK_SKEW_SECONDS] as const;

/**
 * Whether a count has run out. So has one that runs out later than any can: an instance whose clock was wrong began it, and
 * would lock somebody out for as long as that was.
 */
export function hasRunOut(expiresAt: number, nowSeconds: number, lastsSeconds: number): boolean {
  const [first, last] = endsToCome(nowSeconds, lastsSeconds);
  return expiresAt < first || expiresAt > last;
}

/**
 * Counts one more in a bucket, over all instances. The first of a bucket, or the first after it has run out (as
 * `hasRunOut` says it), sets when it runs out.
 * @returns the count, this one included
 */
export async function countAttempt(
  db: Database,
  bucket: string,
  nowSeconds: number,
  lastsSeconds: number,
): Promise<number> {
  // Assigned from left to right, so the count sees the old `expires_at`. LAST_INSERT_ID(x) saves a query to read x.
  const end = nowSeconds + lastsSeconds;
  const [first, last] = endsToCome(nowSeconds, lastsSeconds);
  const goesOn = sql`expires_at BETWEEN ${first} AND ${last}`;
  const [{ affectedRows, insertId }] = await db.execute(sql`
    INSERT INTO ${attempts} (bucket, count, expires_at) VALUES (${bucket}, 1, ${end})
    ON DUPLICATE KEY UPDATE
      count = LAST_INSERT_ID(IF(${goesOn}, count + 1, 1)), expires_at = IF(${goesOn}, expires_at, ${end})`);
  return affectedRows === 1 ? 1 : insertId;
}

/** Notes that something happened in a bucket, and keeps that for a time, if the user's hash is still the one that was read. */
export async function keepBucket(
  db: Database,
  bucket: string,
  expiresAt: number,
  user: Pick<StoredCredentials, "id" | "pwd">,
): Promise<void> {
  const { text, param } = unchangedPassword(user);
  const insert = `INSERT INTO attempt (bucket, count, expires_at) SELECT ?, 1, ? FROM user u WHERE u.id = ? AND ${text}
    ON DUPLICATE KEY UPDATE expires_at = ?`;
  await db.execute(statement(insert, bucket, expiresAt, user.id, param, expiresAt));
}

/** A bucket, if one is named, and all whose names begin with one of the prefixes. */
const named = (bucket: string | undefined, prefixes: string[]) =>
  or(
    bucket === undefined ? undefined : eq(attempts.bucket, bucket),
    ...prefixes.map((prefix) => like(attempts.bucket, `${prefix}%`)),
  );

/** How much has been counted in a bucket, and in all whose names begin with one of the prefixes, and has not run out. */
export async function sumAttempts(
  db: Database,
  bucket: string,
  prefixes: string[],
  nowSeconds: number,
  lastsSeconds: number,
): Promise<number> {
  const goesOn = between(attempts.expiresAt, ...endsToCome(nowSeconds, lastsSeconds));
  const [row] = await db
    .select({ total: sum(attempts.count) })
    .from(attempts)
    .where(and(goesOn, named(bucket, prefixes)));
  return Number(row?.total ?? 0);
}

/** Forgets a bucket, and all whose names begin with one of the prefixes. */
export async function forgetAttempts(
  db: Database,
  bucket: string | undefined,
  prefixes: string[],
): Promise<void> {
  await db.delete(attempts).where(named(bucket, prefixes));
}
