import { fillUsers, resetSessions, type World } from "./database.ts";
import { passwordHash, tokensFor, upTo } from "./tokens.ts";

/** The users of the usual load, and their sessions: one for each of its connections. */
export const USERS = 20;
export const SESSIONS = 50;

/** Fills a world with the usual load's users and sessions. @returns an access token for each session */
export async function smallWorld(world: World): Promise<{ accessTokens: string[]; refreshTokens: string[] }> {
  await fillUsers(world, USERS, await passwordHash());
  await resetSessions(world, SESSIONS, USERS);
  return {
    accessTokens: await tokensFor("access", upTo(SESSIONS), USERS),
    refreshTokens: await tokensFor("refresh", upTo(SESSIONS), USERS),
  };
}
