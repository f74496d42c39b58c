import type { Database } from "./connection.ts";
import type { SharedDatabase } from "./sharing.ts";
import { prepared } from "./statement.ts";
import { askTogether, askWithUsers, type Found, type TokenKey } from "./tokenQuestions.ts";
import { PUBLIC_COLUMNS, type PublicUser, tokensStillValid } from "./users.ts";

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
  /** The first users by id, if they were asked for: the same array for all whose question was answered together. */
  firstUsers?: PublicUser[];
}

/**
 * Looks behind a token whose signature is good: its user exists and is not disabled; neither it nor
 * what it was got with was revoked; its session, if it names one, is that user's own and has not run out; if it names
 * none, it is not older than the user's cutoff.
 * @param withUsers asks for the first users too, `FIRST_USERS` at the most, in the same statement
 * @returns undefined if any of that is not so
 */
export async function findTokenOwner(
  to: SharedDatabase,
  token: PresentedToken,
  nowSeconds: number,
  withUsers = false,
): Promise<TokenOwner | undefined> {
  const key = keyOf(token);
  const alone = () => findOwnerAlone(to.limited(to.allowance), token, nowSeconds);
  if (!withUsers) return key ? judge(token, key, nowSeconds, await askTogether(to, key), alone) : alone();
  const asked = key ? undefined : alone();
  asked?.catch(() => {}); // thrown below, unless the other fails before
  const found = await askWithUsers(to, key);
  const owner = await (key ? judge(token, key, nowSeconds, found, alone) : asked);
  return owner && { ...owner, firstUsers: found.users };
}

/**
 * What can be asked of a token together with others; undefined for one of Flask's, or got with one, and for ids of which the
 * database's collation could hold two spellings for the same.
 */
function keyOf({ sessionId, parentJti, jti }: PresentedToken): TokenKey | undefined {
  const plain = sessionId !== null && parentJti === null && PLAIN_ID.test(sessionId) && PLAIN_ID.test(jti);
  return plain ? { sessionId, jti } : undefined;
}

/** Ids as all who issue tokens write them: no two of these are equal to the collation. */
const PLAIN_ID = /^[0-9a-f-]{36}$/;

/** What the answer to a shared question says of a token. Where it leaves that open, a question of its own. */
function judge(
  { username }: PresentedToken,
  { sessionId, jti }: TokenKey,
  nowSeconds: number,
  found: Found,
  alone: () => Promise<TokenOwner | undefined>,
): TokenOwner | undefined | Promise<TokenOwner | undefined> {
  const row = found.sessions.get(sessionId);
  if (found.revoked.has(jti) || !row || row.expiresAt <= nowSeconds) return undefined;
  // The database's collation says whether another spelling is the same name, or the same id.
  if (row.user.username !== username || !found.exact) return alone();
  return row;
}

/** A user by name who is not disabled, unless one of two tokens is blocked. */
const GOOD = `u.username = ? AND u.disabled_at IS NULL
  AND NOT EXISTS (SELECT id FROM revoked_tokens WHERE jti IN (?, ?))`;
const WITHOUT_SESSION = `SELECT ${PUBLIC_COLUMNS}, NULL AS counter FROM user u WHERE ${GOOD}`;
const IN_SESSION = `SELECT ${PUBLIC_COLUMNS}, s.counter FROM user u JOIN session s ON s.user_id = u.id
  WHERE ${GOOD} AND s.id = ? AND s.expires_at > ?`;

/** As `findTokenOwner`, for one token of any kind; the database compares. */
async function findOwnerAlone(
  db: Database,
  { username, jti, parentJti, sessionId, notBefore }: PresentedToken,
  nowSeconds: number,
): Promise<TokenOwner | undefined> {
  const named = [username, jti, parentJti ?? jti];
  const fresh = tokensStillValid(notBefore);
  const [text, params] =
    sessionId === null
      ? [`${WITHOUT_SESSION} AND ${fresh.text}`, [...named, fresh.param]]
      : [IN_SESSION, [...named, sessionId, nowSeconds]];
  const [row] = await prepared<(PublicUser & { counter: number | null })[]>(db, text, params);
  if (!row) return undefined;
  const { counter, ...user } = row;
  return { user, counter };
}

/**
 * No row was stored, and none was there: the table has no id left to give (docs/scaling.md, "Ids run out"), or its column is
 * too narrow for the token's.
 */
export class BlocklistFull extends Error {
  override readonly name = "BlocklistFull";
  readonly code = "BLOCKLIST_FULL";
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
  const { affectedRows, warningStatus } = await prepared<Stored>(db, text, rows.flat());
  if (affectedRows < rows.length || warningStatus > 0) await requireBlocked(db, jtis);
  return affectedRows;
}

/** What the server said of a change: how many warnings, too. */
interface Stored {
  affectedRows: number;
  warningStatus: number;
}

/** IGNORE hides more than that a row was there: also that there was no id for it, or that a value was cut. */
async function requireBlocked(db: Database, jtis: string[]): Promise<void> {
  const isThere = async (jti: string, lock = "") => {
    const rows = await prepared<unknown[]>(db, `SELECT id FROM revoked_tokens WHERE jti = ?${lock}`, [jti]);
    return rows.length > 0;
  };
  for (const jti of jtis) {
    // With a lock, to see what was stored meanwhile, only where a transaction reads what was there before it began (TiDB).
    if (!(await isThere(jti)) && !(await isThere(jti, " FOR UPDATE"))) throw new BlocklistFull();
  }
}

const jtisOf = ({ jti, parentJti }: Pick<PresentedToken, "jti" | "parentJti">): string[] =>
  parentJti === null ? [jti] : [jti, parentJti];
