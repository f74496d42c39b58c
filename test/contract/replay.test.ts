import { expect, test } from "bun:test";
import { sign } from "hono/jwt";
import { claimsOf, type Tokens, testApp } from "../support/app.ts";
import { migratedDatabase } from "../support/database.ts";
import { readTranscript } from "../support/transcript.ts";

/** What the contract says of one recorded request: as the seed answered, or what replaces its defect. */
interface Expected {
  /** Which token stands for `<JWT>`. */
  token?: "access" | "refresh" | "foreign" | "expired";
  /** Absent: status, message and data as recorded. */
  instead?: { status: number; code?: string; message?: string; json?: unknown };
}

const SAME: Expected = {};
const refused = (status: number, code: string, message?: string): NonNullable<Expected["instead"]> => ({
  status,
  code,
  ...(message ? { message } : {}),
});
/** The seed's JWT faults had its message under `msg`; the contract keeps the text and fixes status and envelope. */
const fault = (code: string, token?: Expected["token"]): Expected => ({
  ...(token ? { token } : {}),
  instead: { status: 401, code },
});

const NOT_FOUND: Expected = { instead: refused(404, "not_found") };
const INVALID: Expected = { instead: refused(400, "validation_failed") };
const MALFORMED: Expected = { instead: refused(400, "malformed_json") };

// In the order of the recording: one story on one database.
const EXPECTED: Expected[] = [
  { instead: { status: 200, json: { hello: "world" } } }, // the seed's first listing
  NOT_FOUND,
  fault("token_missing"),
  SAME, // register alice
  INVALID, // taken, but its password is too short to be asked: tests of the contract have the name alone
  INVALID, // the same in capitals
  INVALID, // the same with a space behind, which no new name may have
  INVALID, // no name: the seed made user ""
  INVALID, // no password: the seed made password "None"
  INVALID, // numbers: the seed made them text
  MALFORMED,
  MALFORMED,
  { instead: refused(415, "unsupported_media_type") },
  INVALID, // a name too long: the seed answered 500 with the SQL
  INVALID, // 小明 with a password of two characters
  SAME, // wrong password
  SAME, // unknown name
  SAME, // login
  { token: "access" }, // the list: compared apart
  fault("token_missing", "access"),
  fault("token_missing"),
  fault("token_malformed"),
  fault("token_malformed"),
  fault("token_invalid", "foreign"),
  fault("token_wrong_type", "refresh"),
  { token: "refresh" },
  { token: "refresh" },
  fault("token_wrong_type", "access"),
  fault("token_missing"),
  SAME, // login at the second path
  fault("token_missing"),
  { token: "access" }, // logout
  fault("token_revoked", "access"),
  fault("token_revoked", "access"),
  { token: "refresh", instead: refused(401, "token_revoked", "Token has been revoked") }, // the seed left it alive
  { instead: refused(405, "method_not_allowed") },
  { instead: refused(405, "method_not_allowed") },
  { instead: { status: 204 } }, // preflight: the seed's 200 had no content either
  fault("token_missing"),
  { instead: { status: 401 } }, // HEAD
  NOT_FOUND,
  NOT_FOUND,
  fault("token_expired", "expired"),
];

test("the recording of the seed's service, replayed", async () => {
  const { db } = await migratedDatabase();
  const it = await testApp({ db });
  const recorded = readTranscript();
  expect(recorded).toHaveLength(EXPECTED.length);
  let tokens: Tokens | undefined;

  for (const [index, exchange] of recorded.entries()) {
    const { token, instead } = EXPECTED[index] as Expected;
    const headers = { ...exchange.headers };
    if (token)
      headers.Authorization = (headers.Authorization ?? "").replace(
        "<JWT>",
        await pick(token, tokens as Tokens),
      );
    const answer = await it.request(exchange.method, exchange.path, {
      headers,
      ...(exchange.body === undefined ? {} : { body: exchange.body }),
    });
    const seen = { title: exchange.title, status: answer.status };
    expect(seen).toEqual({ title: exchange.title, status: instead?.status ?? exchange.answer.status });

    const { json } = exchange.answer;
    if (instead?.json) expect(answer.body).toEqual(instead.json as never);
    else if (instead?.code) {
      expect(answer.body).toMatchObject({ success: false, data: null, code: instead.code });
      const message = instead.message ?? (json?.msg as string | undefined);
      if (message) expect([exchange.title, answer.body.message]).toEqual([exchange.title, message]);
    } else if (!instead) {
      expect(answer.body).toMatchObject({ success: json?.success, message: json?.message } as never);
      expect(shape(answer.body.data)).toEqual(shape(json?.data));
    }
    const data = answer.body?.data as Partial<Tokens> | null;
    if (data?.accessToken && data.refreshToken && !tokens) tokens = data as Tokens;
  }
});

/** Data with what differs from run to run put aside: tokens, times, and the users that the seed should not have made. */
function shape(data: unknown): unknown {
  if (Array.isArray(data)) {
    const ghosts = ["", "nopass", "123", "小明"];
    return data
      .filter(({ username }) => !ghosts.includes(username))
      .map((user) => ({
        keys: Object.keys(user),
        username: user.username,
        time: /^\d{4}(-\d\d){2} \d\d(:\d\d){2}$/.test(user.created_at),
      }));
  }
  if (data === null || typeof data !== "object") return data;
  return Object.keys(data);
}

async function pick(
  which: NonNullable<Expected["token"]>,
  { accessToken, refreshToken }: Tokens,
): Promise<string> {
  if (which === "access") return accessToken.slice(7);
  if (which === "refresh") return refreshToken.slice(7);
  const claims = claimsOf(accessToken);
  if (which === "foreign") return sign(claims, "another-test-secret-0123456789-0123456789", "HS256");
  return sign({ ...claims, exp: claims.iat - 10 }, (await testApp()).config.jwtSecretKey, "HS256");
}
