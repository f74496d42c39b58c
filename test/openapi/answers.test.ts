import { beforeAll, describe, expect, test } from "bun:test";
import { sign } from "hono/jwt";
import type { Database } from "../../src/db/connection.ts";
import { ApiError, catalogue, type ErrorCode } from "../../src/errors.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import {
  type Answer,
  claimsOf,
  PASSWORD,
  sharedDatabase,
  TEST_SECRET,
  type TestApp,
  testApp,
  unique,
} from "../support/app.ts";
import { poolOn } from "../support/database.ts";
import type { openApi } from "../support/openapi.ts";

type Operation = Awaited<ReturnType<typeof openApi>>["operations"][number];

let it: TestApp;
let busy: TestApp; // whose gate for hashes is full
let foreign: TestApp; // which cannot check the hashes that are stored
let lost: TestApp; // whose database is not there
let broken: TestApp; // whose database is no database
let operations: Operation[];
beforeAll(async () => {
  const full = () => Promise.reject(new ApiError("overloaded"));
  const nowhere = { socketPath: "/nonexistent/latchkey.sock", user: "x", password: "y", database: "z" };
  // Its one client registers a user for each request.
  it = await testApp({ env: { REGISTRATIONS_PER_CLIENT: "1000000" }, metrics: createMetrics() });
  busy = await testApp({ around: (passwords) => ({ ...passwords, hash: full, verify: full }) });
  const unsupported = async () => ({ matches: false, fault: "unsupported" as const });
  foreign = await testApp({ around: (passwords) => ({ ...passwords, verify: unsupported }) });
  lost = await testApp({ db: poolOn(nowhere).db });
  const fault = () => {
    throw new TypeError("not foreseen");
  };
  broken = await testApp({ db: new Proxy({} as Database, { get: fault }) });
  ({ operations } = await it.documented);
});

/** A request that an operation takes, from a user of its own. */
async function valid({ operationId, security }: Operation) {
  const user = await it.newUser();
  const username = operationId === "register" ? unique("new") : user.username;
  const body: Record<string, object> = {
    register: { username, password: PASSWORD },
    login: { username, password: PASSWORD },
    loginAtRefreshToken: { username, password: PASSWORD },
    changePassword: { password: PASSWORD, newPassword: "another long passphrase" },
    logout: { scope: "session" },
  };
  const token = security.some((one) => "accessToken" in one) ? user.accessToken : user.refreshToken;
  return { user, token: security.length > 0 ? token : undefined, body: body[operationId] };
}

function send(
  { method, path }: Operation,
  token: string | undefined,
  body: unknown,
  app = it,
  type = "application/json",
) {
  const headers = { ...(token ? { Authorization: token } : {}), ...(body ? { "Content-Type": type } : {}) };
  return app.request(method, path, {
    headers,
    ...(body ? { body: typeof body === "string" ? body : JSON.stringify(body) } : {}),
  });
}

/** How each failure is brought about, at any operation that lists it. */
const PROVOKE: Partial<Record<ErrorCode, (operation: Operation) => Promise<Answer>>> = {
  validation_failed: async (op) => {
    const { token } = await valid(op);
    return op.parameters
      ? it.withToken(op.method, `${op.path}?limit=0`, token ?? "")
      : send(op, token, { scope: 1 });
  },
  malformed_json: async (op) => send(op, (await valid(op)).token, '{"scope"'),
  unsupported_media_type: async (op) =>
    send(op, (await valid(op)).token, '{"scope":"all"}', it, "text/plain"),
  payload_too_large: async (op) => send(op, (await valid(op)).token, "x".repeat(17 * 1024)),
  username_taken: async (op) =>
    send(op, undefined, { username: (await it.newUser()).username, password: PASSWORD }),
  unknown_username: (op) => send(op, undefined, { username: unique("ghost"), password: PASSWORD }),
  invalid_password: async (op) => {
    const { token, body } = await valid(op);
    return send(op, token, { ...body, password: "not that one" });
  },
  account_disabled: async (op) => {
    const { user, body } = await valid(op);
    await (await sharedDatabase()).pool.query("UPDATE user SET disabled_at = 1 WHERE username = ?", [
      user.username,
    ]);
    return send(op, undefined, body);
  },
  token_missing: async (op) => send(op, undefined, (await valid(op)).body),
  token_malformed: async (op) => send(op, "Bearer x", (await valid(op)).body),
  token_invalid: async (op) => {
    const { token, body } = await valid(op);
    return send(op, `Bearer ${await sign(claimsOf(token ?? ""), `not-${TEST_SECRET}`, "HS256")}`, body);
  },
  token_expired: async (op) => {
    const { token, body } = await valid(op);
    return send(op, `Bearer ${await sign({ ...claimsOf(token ?? ""), exp: 1 }, TEST_SECRET, "HS256")}`, body);
  },
  token_wrong_type: async (op) => {
    const { user, token, body } = await valid(op);
    return send(op, token === user.accessToken ? user.refreshToken : user.accessToken, body);
  },
  token_revoked: async (op) => {
    const { user, token, body } = await valid(op);
    await it.withToken("POST", "/api/logout", user.accessToken);
    return send(op, token, body);
  },
  token_reused: async (op) => {
    const { user } = await valid(op);
    const first = (await it.withToken("POST", "/api/rotateToken", user.refreshToken)).body
      .data as typeof user;
    await it.withToken("POST", "/api/rotateToken", first.refreshToken);
    return send(op, user.refreshToken, undefined);
  },
  too_many_attempts: async (op) => {
    const { token, body } = await valid(op);
    const strict = await testApp({ env: { LOGIN_FAILURES_PER_ACCOUNT: "1", REGISTRATIONS_PER_CLIENT: "1" } });
    // The one that is allowed: of registrations any, of logins one that fails.
    const first = op.operationId === "register" ? body : { ...body, password: "not that one" };
    expect((await send(op, token, first, strict)).body.code).not.toBe("too_many_attempts");
    return send(op, token, body, strict);
  },
  hash_unsupported: async (op) => {
    const { token, body } = await valid(op);
    return send(op, token, body, foreign);
  },
  overloaded: async (op) => {
    const { token, body } = await valid(op);
    busy.state.draining = true;
    return send(op, token, body, busy);
  },
  database_unavailable: async (op) => {
    const { token, body } = await valid(op);
    return send(op, token, body, lost);
  },
  internal_error: async (op) => {
    const { token, body } = await valid(op);
    return send(op, token, body, broken);
  },
};

/** Every answer is held against the document where `testApp` makes its requests. */
describe("each operation gives each answer that it lists", () => {
  test("the success", async () => {
    for (const operation of operations) {
      const { token, body } = await valid(operation);
      expect([operation.operationId, (await send(operation, token, body)).status]).toEqual([
        operation.operationId,
        200,
      ]);
    }
    expect(operations.length).toBeGreaterThan(15);
  });
  for (const code of Object.keys(catalogue) as ErrorCode[]) {
    if (["not_found", "method_not_allowed"].includes(code)) continue;
    test(code, async () => {
      const listing = operations.filter(({ responses }) =>
        Object.values(responses).some(({ content }) => content["application/json"]?.examples?.[code]),
      );
      expect(listing).not.toEqual([]);
      for (const operation of listing) {
        const answer = await PROVOKE[code]?.(operation);
        expect([operation.operationId, answer?.status, answer?.body.code]).toEqual([
          operation.operationId,
          catalogue[code].status,
          code,
        ]);
      }
    });
  }
  test("a page of the users has the next one's address", async () => {
    const { accessToken } = await it.newUser();
    await it.newUser();
    const page = await it.withToken("GET", "/api/getUserList?limit=1", accessToken);
    expect(page.headers.get("Link")).toMatch(/rel="next"$/);
  });
});

test("an answer that differs from the document is noticed", async () => {
  const { differences } = await it.documented;
  const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
    status,
    text: JSON.stringify(body),
    headers: new Headers({
      "Content-Type": "application/json",
      "X-Request-Id": "x",
      "Cache-Control": "no-store",
      ...headers,
    }),
  });
  const fine = { success: true, message: "Ok", data: [] };
  const of = (one: ReturnType<typeof answer>) => differences("GET", "/api/getUserList", one).length > 0;
  expect(of(answer(200, fine))).toBe(false);
  for (const wrong of [
    answer(418, fine),
    answer(200, { ...fine, more: 1 }),
    answer(200, { ...fine, data: [{ id: "1" }] }),
    answer(
      401,
      { success: false, message: "m", data: null, code: "overloaded" },
      { "WWW-Authenticate": 'Bearer realm="latchkey"' },
    ),
    answer(401, { success: false, message: "m", data: null, code: "token_expired" }),
    answer(200, fine, { "X-Else": "1" }),
    answer(200, fine, { "Cache-Control": "public" }),
    answer(200, fine, { "Content-Type": "text/html" }),
  ])
    expect(of(wrong)).toBe(true);
});
