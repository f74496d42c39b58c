import { expect } from "bun:test";
import { createApp } from "../../src/app.ts";
import { createAttemptMemory } from "../../src/auth/attemptMemory.ts";
import type { LogFields } from "../../src/auth/context.ts";
import { createKeyring } from "../../src/auth/keys.ts";
import { createPasswords, type Passwords } from "../../src/auth/passwords.ts";
import { type Config, parseConfig } from "../../src/config.ts";
import type { Database } from "../../src/db/connection.ts";
import type { Deps, Metrics } from "../../src/http/deps.ts";
import { bunHashing } from "../../src/runtime/bun.ts";
import { docsFiles } from "../../src/runtime/docs.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import { migratedDatabase } from "./database.ts";
import { openApi } from "./openapi.ts";
import { NotCarried, remoteInstance, TARGET } from "./targets/index.ts";
import type { Line } from "./targets/sideChannel.ts";

/** Obviously not a secret of anybody's. */
export const TEST_SECRET = "test-secret-that-is-only-for-tests-0123456789";

/** Argon2id at its cheapest: tests are about everything but its price. */
export const CHEAP = { memoryKib: 8, timeCost: 1 };
export const CHEAP_ENV = { ARGON2_MEMORY_KIB: "8", ARGON2_TIME_COST: "1" };

/** For a load that all comes from one client. */
export const UNLIMITED = { REGISTRATIONS_PER_CLIENT: "1000000", LOGIN_FAILURES_PER_CLIENT: "1000000" };

/** What a test may set otherwise. */
export interface TestOptions {
  env?: Record<string, string>;
  db?: Database;
  startMs?: number;
  /** The other end of every connection; else one that no other test has. */
  address?: string;
  /** Something to do before or after the hashing. */
  around?: (passwords: Passwords) => Passwords;
  metrics?: Metrics;
  docs?: Deps["docs"];
}

export interface Answer {
  status: number;
  headers: Headers;
  body: {
    success: boolean;
    message: string;
    data: unknown;
    code?: string;
    errors?: { field: string; message: string }[];
  };
  text: string;
}

/** A clock that moves only when told to. */
export class TestClock {
  constructor(public ms: number) {}
  now = () => this.ms;
  advance(seconds: number) {
    this.ms += seconds * 1000;
  }
}

let shared: ReturnType<typeof migratedDatabase> | undefined;
let documented: ReturnType<typeof openApi> | undefined;

/** The database that tests share; each uses names of its own in it. */
export const sharedDatabase = () => {
  shared ??= migratedDatabase();
  return shared;
};

/**
 * An app on the real database, with the log kept and the clock in hand. It answers where TEST_TARGET says: in this
 * process, in a Bun process of its own, or on workerd.
 * @throws NotCarried if it is to answer elsewhere, and an option is something of this process
 */
export async function testApp(options: TestOptions = {}, target = TARGET) {
  const env = { JWT_SECRET_KEY: TEST_SECRET, TZ: "Asia/Shanghai", ...CHEAP_ENV, ...options.env };
  const config: Config = parseConfig(env, () => "");
  const db = options.db ?? (await sharedDatabase()).db;
  const clock = new TestClock(options.startMs ?? Date.now());
  const logged: Line[] = [];
  const keep = (level: string) => (fields: LogFields, message: string) =>
    void logged.push({ level, fields, message });
  const state = { draining: false, address: options.address ?? uniqueAddress() };
  const deps: Deps = {
    config,
    database: () => db,
    passwords: (options.around ?? ((passwords) => passwords))(
      createPasswords(bunHashing(config.argon2), {
        format: config.passwordFormat,
        cost: config.argon2,
        concurrency: 2,
        queueLimit: 100,
      }),
    ),
    keyring: await createKeyring([config.jwtSecretKey, ...config.previousSecrets]),
    attempts: createAttemptMemory(),
    clientAddress: () => state.address,
    clock: clock.now,
    log: { info: keep("info"), warn: keep("warn"), error: keep("error") },
    draining: () => state.draining,
    docs: options.docs ?? (async () => docsFiles),
    ...(options.metrics ? { metrics: options.metrics } : {}),
  };
  const app = createApp(deps);
  documented ??= openApi(createApp({ ...deps, metrics: createMetrics(), config: { ...config, docs: true } }));
  if (target !== "app" && (options.around || options.metrics || options.docs))
    throw new NotCarried("an option");
  const send =
    target === "app"
      ? async (path: string, init: RequestInit) => app.request(path, init)
      : await remoteInstance(
          target,
          { env, db },
          () => ({ nowMs: clock.ms, ...state }),
          (lines) => logged.push(...lines),
        );
  const request = async (method: string, path: string, init: RequestInit = {}): Promise<Answer> => {
    const answer = await answerOf(await send(path, { method, ...init }));
    // Whatever a test is about: what the service answers, its document says.
    expect((await documented)?.differences(method, path, answer)).toEqual([]);
    return answer;
  };
  return { app, config, db, clock, logged, state, request, documented, ...verbs(request) };
}

/** A response with its body read. */
export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: /json/.test(response.headers.get("Content-Type") ?? "") && text ? JSON.parse(text) : undefined,
  };
}

export type TestApp = Awaited<ReturnType<typeof testApp>>;
type Request = (method: string, path: string, init?: RequestInit) => Promise<Answer>;

/** Short forms of the requests that tests make over and over. */
export function verbs(request: Request) {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    request("POST", path, {
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", ...headers },
    });
  const withToken = (method: string, path: string, token: string) =>
    request(method, path, { headers: { Authorization: token } });
  const login = async (username: string, password = PASSWORD): Promise<Tokens> => {
    const answer = await post("/api/login", { username, password });
    if (answer.status !== 200) throw new Error(`login: ${answer.text}`);
    return answer.body.data as Tokens;
  };
  const newUser = async (name = unique("user")): Promise<Tokens & { username: string }> => {
    const answer = await post("/api/register", { username: name, password: PASSWORD });
    if (answer.status !== 200) throw new Error(`register: ${answer.text}`);
    return { username: name, ...(await login(name)) };
  };
  return { post, withToken, login, newUser };
}

export interface Tokens {
  accessToken: string;
  refreshToken: string;
}

export const PASSWORD = "correct horse battery";

/** An address of a /64 that no other test of any run uses. */
export const uniqueAddress = () => {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint16Array(2));
  return `2001:db8:${a.toString(16)}:${b.toString(16)}::1`;
};

let names = 0;
/** A name that no other test of any run uses. */
export const unique = (stem: string) =>
  `${stem}-${process.pid}-${++names}-${Math.random().toString(36).slice(2, 8)}`;

/** Claims of a token, unchecked. */
export const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.replace("Bearer ", "").split(".")[1] ?? "", "base64url").toString());
