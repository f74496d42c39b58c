import { and, eq, isNull, lte, ne } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { sessions, users } from "./schema.ts";
import { changePrepared, prepared, statement } from "./statement.ts";
import type { UserCondition } from "./users.ts";

/** A new session. Times in epoch seconds. */
export interface NewSession {
  id: string;
  userId: number;
  counter: number;
  createdAt: number;
  expiresAt: number;
  userAgent: string | null;
  address: string | null;
}

const INSERT = `INSERT INTO session
  (id, user_id, counter, created_at, last_used_at, rotated_at, expires_at, user_agent, address)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/**
 * Opens a session if a condition on its user holds at this very moment: a user who was disabled or deleted meanwhile, or
 * whose password was changed since it was checked, gets none. For that the user's row is written, so that this and a change of
 * the row come one after the other, whatever the isolation level: by the row's lock, and between nodes of a cluster, where no
 * lock holds, by the conflict of two writes.
 * @param tx in a transaction
 * @returns whether it was opened
 */
export async function insertSession(
  tx: Database,
  session: NewSession,
  condition: UserCondition,
): Promise<boolean> {
  const { id, userId, counter, createdAt, expiresAt, userAgent, address } = session;
  const rotatedAt = counter === 0 ? null : createdAt;
  const text = `UPDATE user u SET u.logins = u.logins + 1
    WHERE u.id = ? AND u.disabled_at IS NULL AND ${condition.text}`;
  if ((await changePrepared(tx, text, [userId, condition.param])) === 0) return false;
  const row = [id, userId, counter, createdAt, createdAt, rotatedAt, expiresAt, userAgent, address];
  await changePrepared(tx, INSERT, row);
  return true;
}

/**
 * Notes that a session was used to get an access token. One statement each: a lock on one session must hold up nobody
 * else's.
 */
export async function touchSession(db: Database, id: string, nowSeconds: number): Promise<void> {
  await changePrepared(db, "UPDATE session SET last_used_at = ? WHERE id = ?", [nowSeconds, id]);
}

/**
 * Spends the refresh token with this counter. The database decides which of several at once does.
 * @returns whether it was this one
 */
export async function rotateSession(
  db: Database,
  id: string,
  counter: number,
  nowSeconds: number,
): Promise<boolean> {
  const text =
    "UPDATE session SET counter = ?, rotated_at = ?, last_used_at = ? WHERE id = ? AND counter = ?";
  return (await changePrepared(db, text, [counter + 1, nowSeconds, nowSeconds, id, counter])) === 1;
}

/** Where a session stands. Times in epoch seconds. */
export interface SessionState {
  userId: number;
  counter: number;
  rotatedAt: number | null;
}

/** The session as it is now, or undefined if it was ended or its user is disabled. */
export async function findSession(
  db: Database,
  id: string,
  username: string,
): Promise<SessionState | undefined> {
  const columns = { userId: sessions.userId, counter: sessions.counter, rotatedAt: sessions.rotatedAt };
  const [row] = await db
    .select(columns)
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, id), eq(users.username, username), isNull(users.disabledAt)))
    .limit(1);
  return row;
}

/** Ends a session, and with it every token of that login. */
export async function deleteSession(db: Database, id: string): Promise<void> {
  await changePrepared(db, "DELETE FROM session WHERE id = ?", [id]);
}

/** Ends all sessions of a user, or all but one. */
export async function deleteSessionsOf(db: Database, userId: number, except: string | null): Promise<void> {
  await db
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), except === null ? undefined : ne(sessions.id, except)));
}

/**
 * Ends the oldest of a user's sessions above a number, some thousand at a time. Ids sort by time (UUID version 7, RFC 9562
 * section 5.7); those of Flask's tokens do not, and count as any.
 */
export async function trimSessions(db: Database, userId: number, keep: number): Promise<void> {
  const newest = `SELECT id FROM session WHERE user_id = ? ORDER BY id DESC LIMIT 1 OFFSET ${keep}`;
  const [first] = await prepared<{ id: string }[]>(db, newest, [userId]);
  if (!first) return;
  await db
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), lte(sessions.id, first.id)))
    .limit(5000);
}

/** A session as it is listed. Times in epoch seconds. */
export type ListedSession = Omit<NewSession, "userId" | "counter"> & { lastUsedAt: number };

/** The user's sessions that have not run out, the last used first. */
export async function listSessions(
  db: Database,
  userId: number,
  nowSeconds: number,
): Promise<ListedSession[]> {
  const text = `SELECT id, created_at AS createdAt, last_used_at AS lastUsedAt, expires_at AS expiresAt,
      user_agent AS userAgent, address
    FROM session WHERE user_id = ? AND expires_at > ? ORDER BY last_used_at DESC, id DESC`;
  const [rows] = await db.execute(statement(text, userId, nowSeconds));
  return rows as unknown as ListedSession[];
}
