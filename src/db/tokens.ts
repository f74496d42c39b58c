import { and, eq, gt, inArray, isNull, notExists } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { revokedTokens, sessions, users } from "./schema.ts";
import { type SharedDatabase, sharing } from "./sharing.ts";
import { changePrepared, marks, prepared } from "./statement.ts";
import { type PublicUser, publicColumns, tokensStillValid } from "./users.ts";

/** What is asked of a token before it is let in. */
export interface PresentedToken {
  username: string;
  jti: string;
  /** The refresh token of Flask's that it was got with. */
  parentJti: string | null;
  sessionId: string | null;
  /** When it was made, epoch seconds; asked only of tokens that name no session. */
  notBefore: number;
}

/** The user and session that stand behind a token that is good. */
export interface TokenOwner {
  user: PublicUser;
  /** The session's counter; null for a token without one. */
  counter: number | null;
}

/** Tokens that a statement asks about. Few sizes, as each is a statement that every connection prepares; a gap is filled up. */
const SIZES = [1, 4, 16, 32, 100];
const TOGETHER = { most: 100, least: 16 };

/**
 * Looks behind a token whose signature is good: its user exists and is not disabled; neither it nor
 * what it was got with was revoked; its session, if it names one, is that user's own and has not run out; if it names
 * none, it is not older than the user's cutoff.
 * @returns undefined if any of that is not so
 */
export async function findTokenOwner(
  to: SharedDatabase,
  token: PresentedToken,
  nowSeconds: number,
): Promise<TokenOwner | undefined> {
  const { sessionId, parentJti, jti, username } = token;
  const alone = () => findOwnerAlone(to.limited(to.allowance), token, nowSeconds);
  const plain = sessionId !== null && parentJti === null && /^[\x21-\x7e]{1,36}$/.test(sessionId);
  if (!plain) return alone();
  const { rows, revoked, exact } = await askTogether(to, { sessionId, jti });
  const row = rows.get(sessionId);
  if (revoked.has(jti) || !row || row.expiresAt <= nowSeconds) return undefined;
  // The database's collation says whether another spelling is the same name, or the same id.
  if (row.username !== username || !exact) return alone();
  return { user: publicUser(row), counter: row.counter };
}

interface SessionRow extends Omit<PublicUser, "id"> {
  sessionId: string;
  counter: number;
  expiresAt: number;
  userId: number;
}

const publicUser = ({ userId, username, created_at, updated_at }: SessionRow): PublicUser => ({
  id: userId,
  username,
  created_at,
  updated_at,
});

/**
 * Sessions and their users. In that order: to find that out takes the server as long as the rest. Times as the server writes
 * them, since a prepared statement's answer has them in parts.
 */
const SESSIONS = `
  SELECT STRAIGHT_JOIN s.id AS sessionId, s.counter, s.expires_at AS expiresAt, u.id AS userId, u.username,
    CAST(u.created_at AS CHAR) AS created_at, CAST(u.updated_at AS CHAR) AS updated_at, NULL AS jti
  FROM session s JOIN user u ON u.id = s.user_id WHERE u.disabled_at IS NULL AND s.id`;
/** Who asks alone: half the work of a union. */
const ONE = `${SESSIONS} = ? AND NOT EXISTS (SELECT id FROM revoked_tokens WHERE jti = ?)`;
const many = (size: number): string => {
  const list = marks(size);
  return `${SESSIONS} IN (${list})
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, jti FROM revoked_tokens WHERE jti IN (${list})`;
};
const STATEMENTS = SIZES.map((size) => ({ size, text: size === 1 ? ONE : many(size) }));

/** What there is of some sessions, their users and the ids of their tokens in the blocklist, at one moment. */
const askTogether = sharing(async (db: Database, asked: { sessionId: string; jti: string }[]) => {
  const sessionIds = asked.map(({ sessionId }) => sessionId);
  const jtis = asked.map(({ jti }) => jti);
  const { size, text } = STATEMENTS.find((one) => one.size >= asked.length) ?? { size: 0, text: "" };
  const fill = (keys: string[]) => keys.concat(Array(size - keys.length).fill(keys[0]));
  const found = await prepared<(SessionRow & { jti: string | null })[]>(db, text, [
    ...fill(sessionIds),
    ...fill(jtis),
  ]);
  const rows = new Map<string, SessionRow>();
  const revoked = new Set<string>();
  for (const row of found) {
    if (row.jti === null) rows.set(row.sessionId, row);
    else revoked.add(row.jti);
  }
  const answer = { rows, revoked, exact: [...revoked].every((jti) => jtis.includes(jti)) };
  return asked.map(() => answer);
}, TOGETHER);

/** As `findTokenOwner`, for one token of any kind; the database compares. */
async function findOwnerAlone(
  db: Database,
  token: PresentedToken,
  nowSeconds: number,
): Promise<TokenOwner | undefined> {
  const revoked = db
    .select({ id: revokedTokens.id })
    .from(revokedTokens)
    .where(inArray(revokedTokens.jti, jtisOf(token)));
  const good = and(eq(users.username, token.username), isNull(users.disabledAt), notExists(revoked));
  if (token.sessionId === null) {
    const fresh = tokensStillValid(token.notBefore);
    const [user] = await db.select(publicColumns).from(users).where(and(good, fresh)).limit(1);
    return user && { user, counter: null };
  }
  const [row] = await db
    .select({ user: publicColumns, counter: sessions.counter })
    .from(users)
    .innerJoin(sessions, eq(sessions.userId, users.id))
    .where(and(good, eq(sessions.id, token.sessionId), gt(sessions.expiresAt, nowSeconds)))
    .limit(1);
  return row;
}

/** No row was stored, and none was there: the table has no id left to give (docs/scaling.md, "Ids run out"). */
export class BlocklistFull extends Error {
  override readonly name = "BlocklistFull";
}

/**
 * Blocks a token and what it was got with, for this service and for Flask.
 * @param expiresAt when the token ends by itself, epoch seconds
 * @param parentExpiresAt when its parent does
 * @returns how many were not blocked before
 * @throws BlocklistFull
 */
export async function insertRevoked(
  db: Database,
  token: Pick<PresentedToken, "jti" | "parentJti">,
  expiresAt: number,
  parentExpiresAt = expiresAt,
): Promise<number> {
  const jtis = jtisOf(token);
  const rows = jtis.map((jti, i) => [jti, i === 0 ? expiresAt : parentExpiresAt]);
  const text = `INSERT IGNORE INTO revoked_tokens (jti, expires_at) VALUES ${rows.map(() => "(?, ?)").join(", ")}`;
  const stored = await changePrepared(db, text, rows.flat());
  if (stored < rows.length) await requireBlocked(db, jtis);
  return stored;
}

/** IGNORE hides more than that a row was there. */
async function requireBlocked(db: Database, jtis: string[]): Promise<void> {
  const isThere = async (jti: string, lock = "") => {
    const rows = await prepared<unknown[]>(db, `SELECT id FROM revoked_tokens WHERE jti = ?${lock}`, [jti]);
    return rows.length > 0;
  };
  for (const jti of jtis) {
    // Only where a transaction reads what was before it began (TiDB) a lock is needed to see what was stored meanwhile.
    if (!(await isThere(jti)) && !(await isThere(jti, " FOR UPDATE"))) throw new BlocklistFull();
  }
}

const jtisOf = ({ jti, parentJti }: Pick<PresentedToken, "jti" | "parentJti">): string[] =>
  parentJti === null ? [jti] : [jti, parentJti];
