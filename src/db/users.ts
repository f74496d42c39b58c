import { and, asc, eq, sql } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { users } from "./schema.ts";

/** A user as the API shows it: no hash, no salt; times as stored. */
export interface PublicUser {
  id: number;
  username: string;
  created_at: string;
  updated_at: string;
}

const publicColumns = {
  id: users.id,
  username: users.username,
  created_at: users.createdAt,
  updated_at: users.updatedAt,
};

/** What a login needs to know of a user. */
export interface StoredCredentials {
  id: number;
  username: string;
  pwd: string | null;
  salt: string | null;
}

/** The user of that name as the column's collation compares names, or undefined. */
export async function findCredentials(
  db: Database,
  username: string,
): Promise<StoredCredentials | undefined> {
  const columns = { id: users.id, username: users.username, pwd: users.pwd, salt: users.salt };
  const [row] = await db.select(columns).from(users).where(eq(users.username, username)).limit(1);
  return row;
}

/**
 * Adds a user.
 * @param wallTime for both of its times, `YYYY-MM-DD HH:mm:ss`
 * @throws a duplicate-key error if the name is taken: the index decides, nobody looks first
 */
export async function insertUser(
  db: Database,
  user: { username: string; pwd: string; salt: string },
  wallTime: string,
): Promise<void> {
  await db.insert(users).values({ ...user, createdAt: wallTime, updatedAt: wallTime });
}

/**
 * Stores another hash of the same password, unless it was changed in the meantime. `updated_at` stays: nothing that
 * a user did has changed.
 */
export async function replacePassword(
  db: Database,
  was: StoredCredentials,
  now: { pwd: string; salt: string },
): Promise<void> {
  // Byte by byte, since the column's own comparison ignores case.
  const unchanged = sql`CAST(${users.pwd} AS BINARY) = CAST(${was.pwd} AS BINARY)`;
  await db
    .update(users)
    .set(now)
    .where(and(eq(users.id, was.id), unchanged));
}

/** Every user, by id. */
export async function listUsers(db: Database): Promise<PublicUser[]> {
  return db.select(publicColumns).from(users).orderBy(asc(users.id));
}
