import { z } from "zod";
import { ONLY_REFRESH_TOKENS } from "../auth/tokens.ts";
import { accessToken, session, tokenPair, user } from "./answers.ts";
import { describe, inEnvelope, nothing } from "./describe.ts";
import { ada, adasSession, tokens } from "./examples.ts";

/** What `/openapi.json` says of each route; the schemas of bodies come from the routes' validators. */

const login = (id: string, summary: string) =>
  describe(() => ({
    id,
    tag: "Accounts",
    summary,
    description: "Opens a session. Both of its tokens are good until it ends or they expire.",
    body: "json",
    answer: inEnvelope(tokenPair(), tokens),
    failures: [
      "unknown_username",
      "invalid_password",
      "account_disabled",
      "too_many_attempts",
      "hash_unsupported",
      "overloaded",
    ],
  }));

const refresh = (id: string, summary: string) =>
  describe(() => ({
    id,
    tag: "Sessions",
    summary,
    description: "It spends nothing: the refresh token stays good.",
    token: "refreshToken",
    answer: inEnvelope(accessToken(), { accessToken: tokens.accessToken }),
    failures: ["token_reused"],
    says: { token_wrong_type: ONLY_REFRESH_TOKENS },
  }));

export const described = {
  hello: describe(() => ({
    id: "hello",
    tag: "Service",
    summary: "A greeting",
    answer: {
      description: "Without the envelope",
      type: "application/json",
      schema: z.strictObject({ hello: z.literal("world") }),
      example: { hello: "world" },
    },
  })),
  livez: describe(() => ({
    id: "livez",
    tag: "Service",
    summary: "Is the process alive?",
    description: "It does not ask the database.",
    answer: nothing(),
  })),
  readyz: describe(() => ({
    id: "readyz",
    tag: "Service",
    summary: "May it be sent requests?",
    description: "It asks the database; it says no (`overloaded`) while it shuts down.",
    answer: nothing(),
    failures: ["overloaded"],
    says: { overloaded: "Draining" },
  })),
  metrics: describe(() => ({
    id: "metrics",
    tag: "Service",
    summary: "Figures for Prometheus",
    description: "Here unless they have a port of their own.",
    answer: { description: "Its text format, 0.0.4", type: "text/plain", schema: z.string() },
  })),
  register: describe(() => ({
    id: "register",
    tag: "Accounts",
    summary: "Register",
    body: "json",
    answer: nothing("Register succeed!"),
    failures: ["username_taken", "too_many_attempts", "overloaded"],
  })),
  login: login("login", "Log in"),
  loginAtRefreshToken: login("loginAtRefreshToken", "Log in, at its other path"),
  changePassword: describe(() => ({
    id: "changePassword",
    tag: "Accounts",
    summary: "Change the password",
    description: "Ends the user's other sessions, and all tokens that name none.",
    token: "accessToken",
    body: "json",
    answer: nothing(),
    failures: ["invalid_password", "too_many_attempts", "hash_unsupported", "overloaded"],
    fault: { field: "newPassword", message: "newPassword must be a string" },
  })),
  refreshToken: refresh("refreshToken", "A new access token"),
  refreshTokenAtLogin: refresh("refreshTokenAtLogin", "A new access token, at its other path"),
  rotateToken: describe(() => ({
    id: "rotateToken",
    tag: "Sessions",
    summary: "A new pair, which spends the refresh token",
    description:
      "For a short time a retry with the token just spent gets the same successor; an older one ends the session.",
    token: "refreshToken",
    body: "ignored",
    answer: inEnvelope(tokenPair(), tokens),
    failures: ["token_reused"],
    says: { token_wrong_type: ONLY_REFRESH_TOKENS },
  })),
  getSessionList: describe(() => ({
    id: "getSessionList",
    tag: "Sessions",
    summary: "Where the user is logged in",
    description: "The last used first.",
    token: "accessToken",
    answer: inEnvelope(z.array(session()), [adasSession]),
  })),
  logout: describe(() => ({
    id: "logout",
    tag: "Sessions",
    summary: "Log out",
    description:
      "Ends this session, the user's other ones, or all. It succeeds only once that is stored. A body without a `scope` is ignored.",
    token: "accessToken",
    body: "json",
    answer: nothing(),
    fault: { field: "scope", message: "scope must be session, others or all" },
  })),
  getUserList: describe(() => ({
    id: "getUserList",
    tag: "Users",
    summary: "The users, by id",
    description: "All of them, or with `limit` or `after` a page.",
    token: "accessToken",
    answer: inEnvelope(z.array(user()), [ada]),
    headers: {
      Link: {
        description: "The next page, if there is one (RFC 8288)",
        schema: { type: "string", pattern: '^<.+>; rel="next"$' },
      },
    },
    failures: ["validation_failed"],
    fault: { field: "limit", message: "limit must be a whole number from 1 to 1000" },
  })),
  getUser: describe(() => ({
    id: "getUser",
    tag: "Users",
    summary: "The token's own user",
    token: "accessToken",
    answer: inEnvelope(user(), ada),
  })),
};
