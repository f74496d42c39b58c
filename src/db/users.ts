import { and, eq, type SQL, sql } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { users } from "./schema.ts";
import { prepared, statement } from "./statement.ts";

/** A user as the API shows it: no hash, no salt; times as stored. */
export interface PublicUser {
  id: number;
  username: string;
  created_at: string;
  updated_at: string;
}

/** Those columns, by the names that the API gives them. */
export const publicColumns = {
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
  disabledAt: number | null;
}

/** The user of that name as the column's collation compares names, or undefined. */
export async function findCredentials(
  db: Database,
  username: string,
): Promise<StoredCredentials | undefined> {
  const text =
    "SELECT id, username, pwd, salt, disabled_at AS disabledAt FROM user WHERE username = ? LIMIT 1";
  const [row] = await prepared<StoredCredentials[]>(db, text, [username]);
  return row;
}

/** That a user's hash is still the one that was read: byte by byte, since the column's own comparison ignores case. */
export function unchangedPassword({ pwd }: Pick<StoredCredentials, "pwd">): SQL {
  return sql`CAST(${users.pwd} AS BINARY) <=> CAST(${pwd} AS BINARY)`;
}

/** That tokens of a user that name no session are good, if made at that time (epoch seconds). */
export function tokensStillValid(madeAt: number): SQL {
  return sql`(${users.tokensValidFrom} IS NULL OR ${users.tokensValidFrom} <= ${madeAt})`;
}

/** A new account. */
export interface NewUser {
  username: string;
  pwd: string;
  salt: string;
  /** For both of its times, `YYYY-MM-DD HH:mm:ss`. */
  wallTime: string;
  /** Epoch seconds: a token without a session from before that was somebody else's of the same name. */
  tokensValidFrom: number;
}

/**
 * Adds a user.
 * @throws a duplicate-key error if the name is taken: the index decides, nobody looks first
 */
export async function insertUser(db: Database, { wallTime, ...user }: NewUser): Promise<void> {
  await db.insert(users).values({ ...user, createdAt: wallTime, updatedAt: wallTime });
}

/**
 * Adds users whose names are free.
 * @returns how many of them were added
 */
export async function insertUsersUnlessTaken(db: Database, rows: NewUser[]): Promise<number> {
  const values = rows.map(({ wallTime, ...user }) => ({ ...user, createdAt: wallTime, updatedAt: wallTime }));
  const [result] = await db.insert(users).ignore().values(values);
  return result.affectedRows;
}

/**
 * Stores another hash, unless the password was changed since it was read.
 * @param change `updatedAt` for a change that a person made; a hash renewed at login leaves it alone
 * @returns whether it was stored
 */
export async function replacePassword(
  db: Database,
  was: Pick<StoredCredentials, "id" | "pwd">,
  change: { pwd: string; salt: string; updatedAt?: string; tokensValidFrom?: number },
): Promise<boolean> {
  const { tokensValidFrom, ...rest } = change;
  const cutoff = tokensValidFrom === undefined ? {} : { tokensValidFrom: laterCutoff(tokensValidFrom) };
  const [result] = await db
    .update(users)
    .set({ ...rest, ...cutoff })
    .where(and(eq(users.id, was.id), unchangedPassword(was)));
  return result.affectedRows === 1;
}

/** A cutoff that never moves back, also when another instance's clock is behind. */
const laterCutoff = (seconds: number): SQL<number> =>
  sql<number>`GREATEST(COALESCE(${users.tokensValidFrom}, 0), ${seconds})`;

/** Ends all tokens of a user that name no session and were made before a moment, epoch seconds. */
export async function setTokensValidFrom(db: Database, userId: number, seconds: number): Promise<void> {
  await db
    .update(users)
    .set({ tokensValidFrom: laterCutoff(seconds) })
    .where(eq(users.id, userId));
}

/** A keyset page of users: those behind an id, by id; without one the first. */
export async function pageUsers(
  db: Database,
  after: number | undefined,
  limit: number,
): Promise<PublicUser[]> {
  const columns = "SELECT id, username, created_at, updated_at FROM user";
  const [rows] = await db.execute(
    after === undefined
      ? statement(`${columns} ORDER BY id LIMIT ?`, limit)
      : statement(`${columns} WHERE id > ? ORDER BY id LIMIT ?`, after, limit),
  );
  return rows as unknown as PublicUser[];
}
