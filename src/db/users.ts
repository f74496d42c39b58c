import type { Database } from "./connection.ts";
import { users } from "./schema.ts";
import { changePrepared, prepared, statement } from "./statement.ts";

/** A user as the API shows it: no hash, no salt; times as stored. */
export interface PublicUser {
  id: number;
  username: string;
  created_at: string;
  updated_at: string;
}

/**
 * Those columns of a row `u`, for a prepared statement: times are cast to text, since such an answer has them as numbers (year,
 * month and so on).
 */
export const PUBLIC_COLUMNS =
  "u.id, u.username, CAST(u.created_at AS CHAR) AS created_at, CAST(u.updated_at AS CHAR) AS updated_at";

/** What a login needs to know of a user. */
export interface StoredCredentials {
  id: number;
  username: string;
  pwd: string | null;
  salt: string | null;
  disabledAt: number | null;
  /** How many sessions the user has. */
  sessions: number;
}

/** The user of that name as the column's collation compares names, or undefined. */
export async function findCredentials(
  db: Database,
  username: string,
): Promise<StoredCredentials | undefined> {
  const text = `SELECT u.id, u.username, u.pwd, u.salt, u.disabled_at AS disabledAt,
      (SELECT COUNT(*) FROM session s WHERE s.user_id = u.id) AS sessions
    FROM user u WHERE u.username = ? LIMIT 1`;
  const [row] = await prepared<StoredCredentials[]>(db, text, [username]);
  return row;
}

/** What has to be true of a user, the row `u`: SQL with one `?`, and its value. */
export interface UserCondition {
  text: string;
  param: string | number | null;
}

/** A user's hash is still the one that was read, byte by byte: the column's own comparison ignores case. */
export const unchangedPassword = ({ pwd }: Pick<StoredCredentials, "pwd">): UserCondition => ({
  text: "CAST(u.pwd AS BINARY) <=> CAST(? AS BINARY)",
  param: pwd,
});

/** Tokens of a user that name no session are good, if made at that time (epoch seconds). */
export const tokensStillValid = (madeAt: number): UserCondition => ({
  text: "(u.tokens_valid_from IS NULL OR u.tokens_valid_from <= ?)",
  param: madeAt,
});

/** A new account. */
export interface NewUser {
  username: string;
  pwd: string;
  salt: string;
  /** For both of its times, `YYYY-MM-DD HH:mm:ss`. */
  wallTime: string;
  /** Epoch seconds: a token without a session from before then belonged to somebody else of the same name. */
  tokensValidFrom: number;
}

const rowOf = ({ wallTime, ...user }: NewUser) => ({ ...user, createdAt: wallTime, updatedAt: wallTime });

/**
 * Adds a user.
 * @throws a duplicate-key error if the name is taken: the index decides, nobody looks first
 */
export async function insertUser(db: Database, user: NewUser): Promise<void> {
  await db.insert(users).values(rowOf(user));
}

/**
 * Adds users whose names are free.
 * @returns how many of them were added
 */
export async function insertUsersUnlessTaken(db: Database, rows: NewUser[]): Promise<number> {
  const [result] = await db.insert(users).ignore().values(rows.map(rowOf));
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
  const { pwd, salt, updatedAt, tokensValidFrom } = change;
  const set: [assignment: string, value: string | number | undefined][] = [
    ["u.pwd = ?", pwd],
    ["u.salt = ?", salt],
    ["u.updated_at = ?", updatedAt],
    [LATER_CUTOFF, tokensValidFrom],
  ];
  const changed = set.filter((one): one is [string, string | number] => one[1] !== undefined);
  const unchanged = unchangedPassword(was);
  const text = `UPDATE user u SET ${changed.map(([assignment]) => assignment).join(", ")}
    WHERE u.id = ? AND ${unchanged.text}`;
  const params = [...changed.map(([, value]) => value), was.id, unchanged.param];
  return (await changePrepared(db, text, params)) === 1;
}

/** A cutoff that never moves back, also when another instance's clock is behind. */
const LATER_CUTOFF = "u.tokens_valid_from = GREATEST(COALESCE(u.tokens_valid_from, 0), ?)";

/** Ends all tokens of a user that name no session and were made before a moment, epoch seconds. */
export async function setTokensValidFrom(db: Database, userId: number, seconds: number): Promise<void> {
  await changePrepared(db, `UPDATE user u SET ${LATER_CUTOFF} WHERE u.id = ?`, [seconds, userId]);
}

/**
 * A keyset page of users: those behind an id, by id.
 * @param upTo the last id that may be in it
 */
export async function pageUsers(
  db: Database,
  after: number,
  limit: number,
  upTo = Number.MAX_SAFE_INTEGER,
): Promise<PublicUser[]> {
  const text =
    "SELECT id, username, created_at, updated_at FROM user WHERE id > ? AND id <= ? ORDER BY id LIMIT ?";
  const [rows] = await db.execute(statement(text, after, upTo, limit));
  return rows as unknown as PublicUser[];
}

/** The highest id that a user has; 0 if there is none. */
export async function lastUserId(db: Database): Promise<number> {
  const [rows] = await db.execute(statement("SELECT MAX(id) AS last FROM user"));
  return (rows as unknown as { last: number | null }[])[0]?.last ?? 0;
}
