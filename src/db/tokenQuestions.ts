import type { Database } from "./connection.ts";
import { type SharedDatabase, sharing } from "./sharing.ts";
import { marks, prepared } from "./statement.ts";
import { PUBLIC_COLUMNS, type PublicUser } from "./users.ts";

/** What is asked of a token that names a session. */
export interface TokenKey {
  sessionId: string;
  jti: string;
}

/** What there is of some sessions and tokens, at one moment. */
export interface Found {
  /** Sessions whose users are not disabled, by id. `expiresAt` in epoch seconds. */
  sessions: Map<string, { user: PublicUser; counter: number; expiresAt: number }>;
  /** Those of the tokens' ids that are in the blocklist. */
  revoked: Set<string>;
  /** They are spelled there as they were asked for. */
  exact: boolean;
  /** The first users by id, if they were asked for. */
  users: PublicUser[];
}

/** One of a session and its user, or (without `sessionId`) of a token in the blocklist, or (without either) of a user. */
interface Row {
  sessionId: string | null;
  counter: number;
  expiresAt: number;
  id: number;
  username: string;
  created_at: string;
  updated_at: string;
  jti: string | null;
}

/** Users that are read with a token: one more than a list that is answered whole has. */
export const FIRST_USERS = 1001;

/**
 * How many tokens a statement asks about. Gaps are filled up, which costs both sides as much as tokens do; but every connection
 * prepares each size, so most are where most questions are under load.
 */
const SIZES = [1, 4, 8, 12, 16, 20, 24, 32, 100];
const TOGETHER = { most: 100, least: 16 };

/** Sessions, then their users. STRAIGHT_JOIN: to find out that order takes the server as long as the rest. */
const SESSIONS = `
  SELECT STRAIGHT_JOIN s.id AS sessionId, s.counter, s.expires_at AS expiresAt, ${PUBLIC_COLUMNS}, NULL AS jti
  FROM session s JOIN user u ON u.id = s.user_id WHERE u.disabled_at IS NULL AND s.id`;
/** For one token alone: half the work of a union. */
const ONE = `${SESSIONS} = ? AND NOT EXISTS (SELECT id FROM revoked_tokens WHERE jti = ?)`;
const MANY = (size: number): string => `${SESSIONS} IN (${marks(size)})
  UNION ALL
  SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, jti FROM revoked_tokens WHERE jti IN (${marks(size)})`;
const WITH_USERS = (size: number): string => `${MANY(size)}
  UNION ALL
  (SELECT NULL, NULL, NULL, ${PUBLIC_COLUMNS}, NULL FROM user u ORDER BY u.id LIMIT ${FIRST_USERS})`;

/** A question about many tokens in one statement. @param textOf the statement for so many */
function question(textOf: (size: number) => string): (to: SharedDatabase, key?: TokenKey) => Promise<Found> {
  const statements = SIZES.map((size) => ({ size, text: textOf(size) }));
  return sharing(async (db: Database, asked: (TokenKey | undefined)[]) => {
    const keys = asked.filter((key) => key !== undefined);
    const { size, text } = statements.find((one) => one.size >= keys.length) ?? { size: 0, text: "" };
    const fill = (values: string[]) => values.concat(Array(size - values.length).fill(values[0] ?? ""));
    const sessionIds = keys.map(({ sessionId }) => sessionId);
    const jtis = keys.map(({ jti }) => jti);
    const found = byKind(await prepared<Row[]>(db, text, [...fill(sessionIds), ...fill(jtis)]));
    const answer = { ...found, exact: [...found.revoked].every((jti) => jtis.includes(jti)) };
    return asked.map(() => answer);
  }, TOGETHER);
}

function byKind(rows: Row[]): Omit<Found, "exact"> {
  const sessions: Found["sessions"] = new Map();
  const revoked = new Set<string>();
  const users: PublicUser[] = [];
  for (const { sessionId, counter, expiresAt, id, username, created_at, updated_at, jti } of rows) {
    const user = { id, username, created_at, updated_at };
    if (jti !== null) revoked.add(jti);
    else if (sessionId !== null) sessions.set(sessionId, { user, counter, expiresAt });
    else users.push(user);
  }
  users.sort((a, b) => a.id - b.id); // a union promises no order
  return { sessions, revoked, users };
}

/** Asks what is behind a token, together with those who ask at the same time. */
export const askTogether = question((size) => (size === 1 ? ONE : MANY(size)));

/** The same, and about the first users, in one statement; without a key only about these. */
export const askWithUsers = question(WITH_USERS);
