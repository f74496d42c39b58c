import type { Pool } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { type TestApp, type Tokens, testApp } from "../support/app.ts";
import { migratedDatabase } from "../support/database.ts";
import { claim, type Heard, judgeAnswer, keepsSecrets, MARK, type Tally } from "./judge.ts";

/** A request as the Fetch API takes it. */
export interface Sent {
  method: string;
  /** With its query. */
  path: string;
  headers?: [string, string][];
  body?: string | Uint8Array<ArrayBuffer> | undefined;
  /** Beside the mark, what must not be repeated. */
  secrets?: string[];
}

export type Reply = Heard & { code: string; data: unknown };

/** A user that is logged in, for cases that need a token. */
export interface Fixture extends Tokens {
  id: number;
  username: string;
}

/** Two instances on one database of their own, and one clock. */
export interface World {
  one: TestApp;
  two: TestApp;
  pool: Pool;
  target: DatabaseTarget;
  tally: Tally;
  /** A user with a live session; made anew once a case has ended it. */
  fixture: () => Promise<Fixture>;
  /** Somebody else, logged in too. */
  stranger: () => Promise<Fixture>;
  /** Says that a session of theirs may be over. */
  spoil: () => void;
  /** Empties users, sessions and the blocklist. */
  clear: () => Promise<void>;
  /** What to stop at the end. */
  closers: (() => Promise<void>)[];
  close: () => Promise<void>;
  /** Sends a request to an instance and holds the answer and the log against every property. */
  send: (sent: Sent, app?: TestApp) => Promise<Reply>;
}

/** Limits for attempts set out of the way: these are about everything else. */
export const UNLIMITED = {
  LOGIN_FAILURES_PER_ACCOUNT: "1000000",
  LOGIN_FAILURES_PER_CLIENT: "1000000",
  REGISTRATIONS_PER_CLIENT: "1000000",
  THROTTLE_WINDOW_SECONDS: "1",
};

/** Makes a world, whose clock stands. */
export async function createWorld(tally: Tally): Promise<World> {
  const startMs = Date.now();
  const { db, pool, target } = await migratedDatabase();
  const [one, two] = [
    await testApp({ db, startMs, env: UNLIMITED }),
    await testApp({ db, startMs, env: UNLIMITED }),
  ];
  let [fixture, stranger]: (Fixture | undefined)[] = [];
  let logins = 0;
  const login = async (stem: string): Promise<Fixture> => {
    const user = await one.newUser(`${stem}-${++logins}`);
    const [rows] = await pool.query("SELECT id FROM user WHERE username = ?", [user.username]);
    return { ...user, id: (rows as { id: number }[])[0]?.id ?? -1 };
  };
  const users = async () => {
    const [rows] = await pool.query("SELECT COUNT(*) AS n FROM user");
    return (rows as { n: number }[])[0]?.n ?? -1;
  };
  const send = async (sent: Sent, app = one): Promise<Reply> => {
    const { method, path, headers = [], body, secrets = [] } = sent;
    const request = new Request(`http://localhost${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const asked = {
      method: request.method,
      path: new URL(request.url).pathname,
      secrets: [MARK, ...secrets],
    };
    const registers = /register/i.test(asked.path);
    const before = registers ? await users() : 0;
    app.logged.length = 0;
    const response = await app.app.fetch(request);
    const faults = app.logged.filter(({ level }) => level === "error");
    claim(faults.length === 0, () => `an error was logged: ${JSON.stringify([sent, faults])}`);
    const heard = { status: response.status, headers: response.headers, text: await response.text() };
    const code = judgeAnswer(asked, heard);
    const log = app.logged.map((line) => JSON.stringify(line));
    keepsSecrets(asked.secrets, log.join("\n"), "the log");
    claim(
      app.logged.filter(({ message }) => message === "request").length === 1,
      () => `not one line: ${log}`,
    );
    const made = asked.method === "POST" && asked.path === "/api/register" && heard.status === 200 ? 1 : 0;
    claim(
      !registers || (await users()) === before + made,
      () => `not ${made} new user: ${path} ${heard.text}`,
    );
    tally.add(asked, heard.status, code);
    const enveloped = code !== "bare" && heard.text !== "";
    return { ...heard, code, data: enveloped ? (JSON.parse(heard.text).data ?? null) : null };
  };
  const closers: (() => Promise<void>)[] = [];
  return {
    closers,
    async close() {
      for (const closer of closers.splice(0)) await closer();
    },
    one,
    two,
    pool,
    target,
    tally,
    send,
    async fixture() {
      fixture ??= await login("fixture");
      return fixture;
    },
    async stranger() {
      stranger ??= await login("stranger");
      return stranger;
    },
    spoil() {
      fixture = undefined;
      stranger = undefined;
    },
    async clear() {
      fixture = undefined;
      stranger = undefined;
      logins = 0;
      for (const table of ["session", "revoked_tokens", "user"]) await pool.query(`DELETE FROM ${table}`);
    },
  };
}

/** A JSON body with its header. */
export const json = (body: unknown): Pick<Sent, "headers" | "body"> => ({
  headers: [["Content-Type", "application/json"]],
  body: JSON.stringify(body),
});
