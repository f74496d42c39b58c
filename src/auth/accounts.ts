import { v7 as uuidv7 } from "uuid";
import { databaseFailure, isDuplicateKey } from "../db/failures.ts";
import { insertSession } from "../db/sessions.ts";
import { findCredentials, insertUser, replacePassword, type StoredCredentials } from "../db/users.ts";
import { wallClock } from "../db/wallClock.ts";
import { ApiError } from "../errors.ts";
import { type AuthContext, nowSeconds } from "./context.ts";
import { issueToken } from "./tokens.ts";

export interface Credentials {
  username: string;
  password: string;
}

/** Who asked, for the session list: what the client says it is, and where it came from. */
export interface Client {
  userAgent: string | null;
  address: string | null;
}

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
}

/**
 * Creates an account (the seed's `register`).
 * @throws ApiError `username_taken`, `overloaded`
 */
export async function register(context: AuthContext, { username, password }: Credentials): Promise<void> {
  const stored = await context.passwords.hash(password);
  const now = wallClock(context.config.timeZone)(context.clock());
  try {
    await insertUser(context.db, { username, ...stored }, now);
  } catch (error) {
    if (isDuplicateKey(error)) throw new ApiError("username_taken", { cause: error });
    throw error;
  }
}

/**
 * Checks a password and opens a session (the seed's `login`). The work is the same whether or not the user exists.
 * @throws ApiError `unknown_username`, `invalid_password`, `overloaded`
 */
export async function login(
  context: AuthContext,
  { username, password }: Credentials,
  client: Client,
): Promise<TokenPair> {
  const user = await findCredentials(context.db, username);
  const { matches, fault, outdated } = await context.passwords.verify(password, user);
  if (!user) throw new ApiError("unknown_username");
  if (fault) context.log.warn({ userId: user.id, fault }, "stored password hash cannot be verified");
  if (!matches) throw new ApiError("invalid_password");
  if (outdated) await rehash(context, user, password);

  const issuedAt = nowSeconds(context);
  const expiresAt = issuedAt + context.config.refreshTokenSeconds;
  const sessionId = uuidv7({ msecs: context.clock() });
  await insertSession(context.db, {
    id: sessionId,
    userId: user.id,
    createdAt: issuedAt,
    expiresAt,
    ...fitted(client),
  });

  const subject = { username: user.username, sessionId, issuedAt };
  const secret = context.config.jwtSecretKey;
  const [accessToken, refreshToken] = await Promise.all([
    issueToken(secret, {
      ...subject,
      type: "access",
      expiresAt: issuedAt + context.config.accessTokenSeconds,
    }),
    issueToken(secret, { ...subject, type: "refresh", expiresAt }),
  ]);
  return { accessToken, refreshToken };
}

/**
 * Writes a password that was just found right in today's format and at today's price. Its failing does not fail the
 * login: the old hash still stands, and the next login tries again.
 */
async function rehash(context: AuthContext, user: StoredCredentials, password: string): Promise<void> {
  try {
    await replacePassword(context.db, user, await context.passwords.hash(password));
  } catch (error) {
    const code = error instanceof ApiError ? error.code : databaseFailure(error)?.code;
    context.log.warn({ userId: user.id, code }, "password hash not renewed");
  }
}

/** Cuts what a client says of itself to the columns' lengths (255 and 45 characters), on whole characters. */
function fitted({ userAgent, address }: Client): Client {
  const cut = (text: string | null, length: number) =>
    text === null ? null : [...text.toWellFormed()].slice(0, length).join("");
  return { userAgent: cut(userAgent, 255), address: cut(address, 45) };
}
