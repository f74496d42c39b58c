import fc from "fast-check";
import { deleteAccount, disableAccount, enableAccount, endSessions } from "../../src/auth/admin.ts";
import type { AuthContext } from "../../src/auth/context.ts";
import { createKeyring } from "../../src/auth/keys.ts";
import { issueToken } from "../../src/auth/tokens.ts";
import { claimsOf, TEST_SECRET, type TestApp, type Tokens } from "../support/app.ts";
import { claim } from "./judge.ts";
import { type Account, type Expected, type Kind, Model, type Token } from "./model.ts";
import { json, type Reply, type World } from "./world.ts";

const NAMES = ["Zoë", "mallory", "Ὀδυσσεύς"];
const PASSWORDS = ["first passphrase 1", "second passphrasé 2", "third passphrase \0 3"];

const SPELLINGS: ((name: string) => string)[] = [
  (name) => name,
  (name) => name.normalize("NFD"),
  (name) => name.toUpperCase(),
  (name) => name.toLowerCase(),
];

const RIGHT_ABOUT = [
  1, 5, 9, 10, 11, 20, 29, 30, 31, 60, 3600, 7189, 7199, 7210, 86_400, 2_591_990, 2_592_000, 2_592_010,
];

type Command = fc.AsyncCommand<Model, World>;

/** A command that is always possible. */
const always = (title: string, run: (model: Model, world: World) => Promise<void>): Command => ({
  check: () => true,
  run,
  toString: () => title,
});

/** A command with one of the tokens handed out so far, counted from the last. */
const withToken = (
  pick: number,
  title: string,
  run: (model: Model, world: World, token: Token) => Promise<void>,
): Command => ({
  check: (model) => model.tokens.length > 0,
  run: (model, world) => run(model, world, model.tokens.at(-1 - (pick % model.tokens.length)) as Token),
  toString: () => `${title} with token ${pick}`,
});

const bearer = (token: Token): [string, string][] => [["Authorization", token.text]];

function agree(reply: Reply, expected: string, what: string): void {
  claim(
    reply.code === expected,
    () => `${what}: the model says ${expected}, the service ${reply.code} ${reply.text}`,
  );
}

/** Takes a token that was handed out into the model, once it is such as it must be. */
function keep(model: Model, text: string, expected: Expected): void {
  const { jti, sub, type, exp, nbf, sid, cnt, rti } = claimsOf(text);
  const { kind, account, session, counter, madeAt, expiresAt, parent } = expected;
  const is = [sub, type, exp, nbf, sid, cnt, rti];
  const counted = kind === "refresh" && session !== undefined ? counter : undefined;
  const should = [account.username, kind, expiresAt, madeAt, session, counted, parent];
  claim(JSON.stringify(is) === JSON.stringify(should), () => `a token with ${is} instead of ${should}`);
  claim(
    model.tokens.every((other) => other.jti !== jti),
    () => "a jti twice",
  );
  model.tokens.push({ ...expected, text, jti });
}

function keepPair(model: Model, reply: Reply, account: Account, session: string): void {
  const { accessToken, refreshToken } = reply.data as Tokens;
  keep(model, accessToken, model.successor("access", account, session));
  keep(model, refreshToken, model.successor("refresh", account, session));
}

const register = (i: number, spelling: number, password: number, app: "one" | "two") =>
  always(`register ${i} as ${spelling}, password ${password}`, async (model, world) => {
    const username = SPELLINGS[spelling]?.(NAMES[i] ?? "") ?? "";
    const body = json({ username, password: PASSWORDS[password] });
    const reply = await world.send({ method: "POST", path: "/api/register", ...body }, world[app]);
    agree(
      reply,
      model.register(model.accounts[i] as Account, username.normalize("NFC"), password),
      "register",
    );
  });

const login = (i: number, spelling: number, password: number, path: string, app: "one" | "two") =>
  always(`login ${i} as ${spelling}, password ${password}`, async (model, world) => {
    const account = model.accounts[i] as Account;
    const username = SPELLINGS[spelling]?.(`${NAMES[i]} `);
    const body = json({ username, password: PASSWORDS[password]?.normalize(spelling % 2 ? "NFD" : "NFC") });
    const reply = await world.send({ method: "POST", path, ...body }, world[app]);
    agree(reply, model.login(account, password), "login");
    if (reply.status !== 200) return;
    const session = claimsOf((reply.data as Tokens).accessToken).sid;
    model.open(session, account);
    keepPair(model, reply, account, session);
  });

const present = async (
  model: Model,
  world: World,
  token: Token,
  app: TestApp,
  path = "/api/refreshToken",
) => {
  if (token.kind === "refresh") {
    const reply = await world.send({ method: "GET", path, headers: bearer(token) }, app);
    agree(reply, model.refresh(token), "refresh");
    if (reply.status !== 200) return;
    const expected = model.successor(
      "access",
      token.account,
      token.session,
      token.session === undefined ? token : undefined,
    );
    keep(model, (reply.data as Tokens).accessToken, expected);
    return;
  }
  const reply = await world.send({ method: "GET", path: "/api/getUser", headers: bearer(token) }, app);
  agree(reply, model.check(token, "access"), "getUser");
  const { username } = (reply.data ?? {}) as { username?: string };
  claim(reply.status !== 200 || username === token.account.username, () => `another's token: ${reply.text}`);
};

const wrongKind = (pick: number, app: "one" | "two") =>
  withToken(pick, "the other kind of endpoint", async (model, world, token) => {
    const kind: Kind = token.kind === "access" ? "refresh" : "access";
    const path = kind === "access" ? "/api/getUserList" : "/api/refreshToken";
    agree(
      await world.send({ method: "GET", path, headers: bearer(token) }, world[app]),
      model.check(token, kind),
      path,
    );
  });

const rotate = (pick: number, app: "one" | "two") =>
  withToken(pick, "rotate", async (model, world, token) => {
    const reply = await world.send(
      { method: "POST", path: "/api/rotateToken", headers: bearer(token) },
      world[app],
    );
    agree(reply, model.rotate(token), "rotate");
    if (reply.status === 200) keepPair(model, reply, token.account, token.session ?? token.jti);
  });

/** The same token again, right at the end of its grace time. */
const retry = (pick: number, seconds: number, app: "one" | "two") =>
  withToken(pick, `rotate, and after ${seconds} s again`, async (model, world, token) => {
    const now = () => rotate(model.tokens.length - 1 - model.tokens.indexOf(token), app).run(model, world);
    await now();
    await pass(seconds).run(model, world);
    await now();
  });

const logout = (pick: number, scope: "session" | "others" | "all", bodyless: boolean, app: "one" | "two") =>
  withToken(pick, `logout ${scope}`, async (model, world, token) => {
    const { headers = [], ...body } = bodyless && scope === "session" ? { headers: [] } : json({ scope });
    const sent = { method: "POST", path: "/api/logout", ...body, headers: [...headers, ...bearer(token)] };
    agree(await world.send(sent, world[app]), model.logout(token, scope), "logout");
  });

const changePassword = (pick: number, current: number, next: number, app: "one" | "two") =>
  withToken(pick, `change password ${current} to ${next}`, async (model, world, token) => {
    const { headers = [], body } = json({ password: PASSWORDS[current], newPassword: PASSWORDS[next] });
    const sent = {
      method: "POST",
      path: "/api/changePassword",
      body,
      headers: [...headers, ...bearer(token)],
    };
    agree(await world.send(sent, world[app]), model.changePassword(token, current, next), "changePassword");
  });

const lists = (pick: number, app: "one" | "two") =>
  withToken(pick, "both lists", async (model, world, token) => {
    const get = (path: string) => world.send({ method: "GET", path, headers: bearer(token) }, world[app]);
    const [users, sessions] = [await get("/api/getUserList"), await get("/api/getSessionList")];
    const expected = model.check(token, "access");
    for (const reply of [users, sessions]) agree(reply, expected, "a list");
    if (expected !== "ok") return;
    const names = (users.data as { username: string }[]).map(({ username }) => username).sort();
    const there = model.accounts.flatMap(({ username }) => username ?? []).sort();
    claim(names.join() === there.join(), () => `listed are ${names}, there are ${there}`);
    const shown = sessions.data as { id: string; current: boolean }[];
    const live = model.liveSessions(token.account).sort();
    claim(
      shown
        .map(({ id }) => id)
        .sort()
        .join() === live.join(),
      () => `not the sessions: ${sessions.text} ${live}`,
    );
    claim(
      shown.every(({ id, current }) => current === (id === token.session)),
      () => `not this one: ${sessions.text}`,
    );
  });

const keyring = createKeyring([TEST_SECRET]);

/** A token such as Flask makes, which names no session. */
const flask = (i: number, kind: Kind) =>
  always(`Flask makes a ${kind} token for ${i}`, async (model) => {
    const account = model.accounts[i] as Account;
    if (account.username === undefined) return;
    const expiresAt = model.now + (kind === "access" ? 7200 : 2_592_000);
    const subject = {
      type: kind,
      username: account.username,
      sessionId: null,
      issuedAt: model.now,
      expiresAt,
    };
    const text = await issueToken(await keyring, subject);
    keep(model, text, { ...model.successor(kind, account, undefined), expiresAt });
  });

/** A logout with the access token that a refresh token of Flask's was good for ends that one too. */
const flaskAndOut = (i: number, app: "one" | "two") =>
  always(`Flask's refresh token, used and logged out, for ${i}`, async (model, world) => {
    await flask(i, "refresh").run(model, world);
    const token = model.tokens.at(-1);
    if (model.accounts[i]?.username === undefined || !token) return;
    await present(model, world, token, world[app]);
    await logout(0, "session", false, app).run(model, world);
    await present(model, world, token, world.two);
  });

const operator = (i: number, what: "disable" | "enable" | "end" | "delete") =>
  always(`the operator: ${what} ${i}`, async (model, { one, pool }) => {
    const account = model.accounts[i] as Account;
    if (account.username === undefined) return;
    const [rows] = await pool.query("SELECT id FROM user WHERE username = ?", [account.username]);
    const id = (rows as { id: number }[])[0]?.id ?? -1;
    const context = { config: one.config, db: one.db, clock: one.clock.now } as AuthContext;
    await { disable: disableAccount, enable: enableAccount, end: endSessions, delete: deleteAccount }[what](
      context,
      id,
    );
    if (what !== "enable") model.endSessions(account);
    if (what === "delete") account.username = undefined;
    else if (what !== "end") account.disabled = what === "disable";
  });

const pass = (seconds: number) =>
  always(`${seconds} s pass`, async (model, world) => {
    model.now += seconds;
    for (const { clock } of [world.one, world.two]) clock.advance(seconds);
  });

const checkAll = always("every access token", async (model, world) => {
  for (const token of model.tokens)
    if (token.kind === "access") await present(model, world, token, world.two);
});

const account = fc.nat(NAMES.length - 1);
const spelling = fc.nat(SPELLINGS.length - 1);
const password = fc.nat(PASSWORDS.length - 1);
const app = fc.constantFrom("one" as const, "two" as const);
/** More often one of the last: what was just done to them is what may have gone wrong. */
const pick = fc.oneof(fc.nat(3), fc.nat(40));
const path = fc.constantFrom("/api/login", "/api/refreshToken");
const scope = fc.constantFrom("session" as const, "others" as const, "all" as const);

const commands = fc.commands(
  [
    fc.tuple(account, spelling, password, app).map((args) => register(...args)),
    fc.tuple(account, spelling, fc.oneof(fc.constant(0), password), path, app).map((args) => login(...args)),
    fc.tuple(account, fc.constant(0), fc.constant(0), path, app).map((args) => login(...args)),
    fc
      .tuple(pick, app, path)
      .map(([i, at, where]) =>
        withToken(i, "present", (model, world, token) => present(model, world, token, world[at], where)),
      ),
    fc.tuple(pick, app).map((args) => rotate(...args)),
    fc.tuple(pick, fc.constantFrom(0, 29, 30, 31), app).map((args) => retry(...args)),
    fc.tuple(account, app).map((args) => flaskAndOut(...args)),
    fc.tuple(pick, app).map((args) => wrongKind(...args)),
    fc.tuple(pick, scope, fc.boolean(), app).map((args) => logout(...args)),
    fc.tuple(pick, fc.oneof(fc.constant(0), password), password, app).map((args) => changePassword(...args)),
    fc.tuple(pick, app).map((args) => lists(...args)),
    fc.tuple(account, fc.constantFrom("access" as const, "refresh" as const)).map((args) => flask(...args)),
    fc
      .tuple(
        account,
        fc.constantFrom("disable" as const, "enable" as const, "end" as const, "delete" as const),
      )
      .map((args) => operator(...args)),
    fc.constantFrom(...RIGHT_ABOUT).map(pass),
    fc.constantFrom(1, 5, 30).map(pass),
    fc.constant(checkAll),
  ],
  { maxCommands: 60, size: "max" },
);

/**
 * Whatever is done in whatever order, at two instances, and however much time passes: a token is good exactly when the
 * model says so, and what it gets if not is what the model says. At the end every token is tried.
 */
export const modelled = (world: World) => {
  const startMs = world.one.clock.ms;
  return fc.asyncProperty(commands, async (steps) => {
    await world.clear();
    for (const { clock } of [world.one, world.two]) clock.ms = startMs;
    const model = new Model(Math.floor(startMs / 1000), NAMES.length);
    for (const step of [
      register(0, 0, 0, "one"),
      login(0, 1, 0, "/api/login", "one"),
      register(1, 0, 0, "one"),
      login(1, 0, 0, "/api/login", "two"),
    ])
      await step.run(model, world);
    await fc.asyncModelRun(() => ({ model, real: world }), steps);
    for (const token of [...model.tokens]) await present(model, world, token, world.one);
  });
};
