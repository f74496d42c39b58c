import { PASSWORD, type Tokens, unique, type verbs } from "../support/app.ts";

/** What was seen of the requests of one fault. */
export class Tally {
  /** @param mortal that instances may end: no answer is then no fault, and one that listens no more is passed over */
  constructor(readonly mortal = false) {}
  requests = 0;
  answered = 0;
  unavailable = 0;
  unanswered = 0;
  slowestMs = 0;
  /** When something was not answered, or with 503, last; on the clock of `performance`. */
  failedAt = 0;
  /** What broke the contract, in words. */
  wrong: string[] = [];
  /** What was told as done, to be looked for afterwards. */
  registered: string[] = [];
  revoked: string[] = [];
  /** Refresh tokens that were rotated. */
  spent: string[] = [];
  /** The new password and the one before. */
  passwords = new Map<string, [now: string, before: string]>();
  live = new Map<string, Tokens>();
}

type Service = ReturnType<typeof verbs>;
type Send = (service: Service) => ReturnType<Service["post"]>;

/** How long a request may take, in ms. */
const LIMIT_MS = 5_000;

interface User {
  name: string;
  password: string;
  tokens?: Tokens | undefined;
}

/** A client that does this and that, on any instance, until told to end, and knows what has to come of it. */
export async function client(services: Service[], tally: Tally, running: () => boolean): Promise<void> {
  let user: User | undefined;
  const any = <T>(list: T[]) => list[Math.floor(Math.random() * list.length)] as T;

  /** Sends to the first of some instances that listens. @returns the answer if it is as expected; else it may be done or not */
  const ask = async (what: string, targets: Service[], send: Send, code?: string) => {
    const begun = performance.now();
    const answer = await firstListening(targets, send, tally.mortal);
    if (answer === undefined) return undefined;
    const ms = performance.now() - begun;
    tally.requests++;
    tally.slowestMs = Math.max(tally.slowestMs, ms);
    if (ms > LIMIT_MS) tally.wrong.push(`${what}: took ${Math.round(ms)} ms`);
    if ("failed" in answer) {
      tally.unanswered++;
      tally.failedAt = performance.now();
      if (!tally.mortal) tally.wrong.push(`${what}: no answer, ${answer.failed}`);
      return undefined;
    }
    if (answer.status === 503 && answer.body.code === "database_unavailable") {
      tally.unavailable++;
      tally.failedAt = performance.now();
      return undefined;
    }
    tally.answered++;
    if (code === undefined ? answer.status === 200 : answer.body.code === code) return answer;
    tally.wrong.push(`${what}: ${answer.status} ${answer.body.code ?? "a pass"}`);
    return undefined;
  };
  const expect = (what: string, send: Send, code?: string) => {
    const first = Math.floor(Math.random() * services.length);
    return ask(what, [...services.slice(first), ...services.slice(0, first)], send, code);
  };

  const register = async () => {
    const name = unique("trial");
    if (!(await expect("register", (it) => it.post("/api/register", { username: name, password: PASSWORD }))))
      return;
    tally.registered.push(name);
    user = { name, password: PASSWORD };
  };
  const login = async (who: User) => {
    const answer = await expect("login", (it) =>
      it.post("/api/login", { username: who.name, password: who.password }),
    );
    if (answer) keep(who, answer.body.data as Tokens);
  };
  const keep = (who: User, tokens: Tokens | undefined) => {
    who.tokens = tokens;
    if (tokens) tally.live.set(who.name, tokens);
    else tally.live.delete(who.name);
  };
  const rotate = async (who: User, { refreshToken }: Tokens) => {
    const answer = await expect("rotate", (it) => it.withToken("POST", "/api/rotateToken", refreshToken));
    if (!answer) return void tally.live.delete(who.name); // nobody knows which is the current one
    tally.spent.push(refreshToken);
    keep(who, answer.body.data as Tokens);
  };
  const change = async (who: User, { accessToken }: Tokens) => {
    const newPassword = `${PASSWORD} ${unique("new")}`;
    const body = { password: who.password, newPassword };
    const answer = await expect("changePassword", (it) =>
      it.post("/api/changePassword", body, { Authorization: accessToken }),
    );
    tally.passwords.delete(who.name); // nobody knows which one it is, unless it was told
    if (answer) tally.passwords.set(who.name, [newPassword, who.password]);
    if (answer) who.password = newPassword;
    else user = undefined;
  };
  const logout = async (who: User, { accessToken }: Tokens) => {
    keep(who, undefined);
    if (!(await expect("logout", (it) => it.withToken("POST", "/api/logout", accessToken)))) return;
    tally.revoked.push(accessToken);
    await Promise.all(services.map((it) => refused(accessToken, [it])));
  };
  const read = ({ accessToken }: Tokens) =>
    expect("getUser", (it) => it.withToken("GET", "/api/getUser", accessToken));
  const refused = (token: string, targets: Service[]) =>
    ask("getUser, revoked", targets, (it) => it.withToken("GET", "/api/getUser", token), "token_revoked");

  while (running()) {
    const dice = Math.random();
    if (dice < 0.2 && tally.revoked.length > 0) await refused(any(tally.revoked), services);
    else if (!user || dice < 0.25) await register();
    else if (!user.tokens) await login(user);
    else if (dice < 0.4) await rotate(user, user.tokens);
    else if (dice < 0.5) await change(user, user.tokens);
    else if (dice < 0.6) await logout(user, user.tokens);
    else await read(user.tokens);
  }
}

/** @returns undefined if none listens, and that may be */
async function firstListening(targets: Service[], send: Send, mortal: boolean) {
  for (const target of targets) {
    const answer = await send(target).catch((error) => ({ failed: String(error), code: error.code }));
    if (!mortal || !("failed" in answer) || answer.code !== "ECONNREFUSED") return answer;
  }
  return undefined;
}

/** Looks at an instance for all that was told as done. @returns what is not there, in words */
export async function findLost(service: Service, tally: Tally): Promise<string[]> {
  const lost: string[] = [];
  const { accessToken } = await service.newUser();
  const list = (await service.withToken("GET", "/api/getUserList", accessToken)).body.data;
  const stored = new Set((list as { username: string }[]).map(({ username }) => username));
  for (const name of tally.registered) if (!stored.has(name)) lost.push(`account ${name}`);
  const code = async (token: string, path = "/api/getUser") =>
    (await service.withToken("GET", path, token)).body.code ?? "a pass";
  const login = async (username: string, password: string) =>
    (await service.post("/api/login", { username, password })).body.code ?? "a pass";
  await eachOf(tally.revoked, async (token) => {
    if ((await code(token)) !== "token_revoked") lost.push("a logout: its token is let in");
  });
  await eachOf([...tally.live], async ([name, tokens]) => {
    const codes = [await code(tokens.accessToken), await code(tokens.refreshToken, "/api/refreshToken")];
    if (codes.join() !== "a pass,a pass") lost.push(`the session of ${name}: ${codes}`);
  });
  await eachOf([...tally.passwords], async ([name, [now, before]]) => {
    if ((await login(name, now)) !== "a pass") lost.push(`the new password of ${name}`);
    if ((await login(name, before)) !== "invalid_password")
      lost.push(`${name} gets in with the old password`);
  });
  return lost;
}

/** Looks at an instance for refresh tokens that were rotated: using one may end its session, so this comes last. */
export async function findReusable(service: Service, tally: Tally): Promise<string[]> {
  const lost: string[] = [];
  await eachOf(tally.spent, async (token) => {
    const { body } = await service.withToken("GET", "/api/refreshToken", token);
    if (!/^token_(reused|revoked)$/.test(body.code ?? "")) lost.push(`a rotation: ${body.code ?? "a pass"}`);
  });
  return lost;
}

/** Does something for each, some at a time. */
async function eachOf<T>(list: T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = list.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const item of left) await work(item);
    }),
  );
}
