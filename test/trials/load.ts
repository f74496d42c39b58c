import { PASSWORD, type Tokens, unique, type verbs } from "../support/app.ts";

/** What was seen of the requests of one fault. */
export class Tally {
  requests = 0;
  answered = 0;
  unavailable = 0;
  slowestMs = 0;
  /** What broke the contract, in words. */
  wrong: string[] = [];
  /** What was told as done, to be looked for afterwards. */
  registered: string[] = [];
  revoked: string[] = [];
  passwords = new Map<string, string>();
  live = new Map<string, string>();
}

type Service = ReturnType<typeof verbs>;

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

  /** @returns true: done; false: it may have been. Anything else is against the contract. */
  const expect = async (
    what: string,
    send: (service: Service) => ReturnType<Service["post"]>,
    code?: string,
  ) => {
    const begun = performance.now();
    const answer = await send(any(services)).catch((error) => ({ failed: String(error) }));
    const ms = performance.now() - begun;
    tally.requests++;
    tally.slowestMs = Math.max(tally.slowestMs, ms);
    if (ms > LIMIT_MS) tally.wrong.push(`${what}: took ${Math.round(ms)} ms`);
    if ("failed" in answer) {
      tally.wrong.push(`${what}: no answer, ${answer.failed}`);
      return undefined;
    }
    if (answer.status === 503 && answer.body.code === "database_unavailable") {
      tally.unavailable++;
      return undefined;
    }
    tally.answered++;
    if (code === undefined ? answer.status === 200 : answer.body.code === code) return answer;
    tally.wrong.push(`${what}: ${answer.status} ${answer.body.code ?? "a pass"}`);
    return undefined;
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
    if (tokens) tally.live.set(who.name, tokens.accessToken);
    else tally.live.delete(who.name);
  };
  const rotate = async (who: User, { refreshToken }: Tokens) => {
    const answer = await expect("rotate", (it) => it.withToken("POST", "/api/rotateToken", refreshToken));
    if (answer) keep(who, answer.body.data as Tokens);
  };
  const change = async (who: User, { accessToken }: Tokens) => {
    const newPassword = `${PASSWORD} ${unique("new")}`;
    const body = { password: who.password, newPassword };
    const answer = await expect("changePassword", (it) =>
      it.post("/api/changePassword", body, { Authorization: accessToken }),
    );
    tally.passwords.delete(who.name); // nobody knows which one it is, unless it was told
    if (answer) tally.passwords.set(who.name, newPassword);
    if (answer) who.password = newPassword;
    else user = undefined;
  };
  const logout = async (who: User, { accessToken }: Tokens) => {
    keep(who, undefined);
    if (await expect("logout", (it) => it.withToken("POST", "/api/logout", accessToken)))
      tally.revoked.push(accessToken);
  };
  const read = ({ accessToken }: Tokens) =>
    expect("getUser", (it) => it.withToken("GET", "/api/getUser", accessToken));
  const refused = (token: string) =>
    expect("getUser, revoked", (it) => it.withToken("GET", "/api/getUser", token), "token_revoked");

  while (running()) {
    const dice = Math.random();
    if (dice < 0.2 && tally.revoked.length > 0) await refused(any(tally.revoked));
    else if (!user || dice < 0.25) await register();
    else if (!user.tokens) await login(user);
    else if (dice < 0.4) await rotate(user, user.tokens);
    else if (dice < 0.5) await change(user, user.tokens);
    else if (dice < 0.6) await logout(user, user.tokens);
    else await read(user.tokens);
  }
}

/** Looks for all that was told as done. @returns what is not there, in words */
export async function findLost(service: Service, tally: Tally): Promise<string[]> {
  const lost: string[] = [];
  const { accessToken } = await service.newUser();
  const list = (await service.withToken("GET", "/api/getUserList", accessToken)).body.data;
  const stored = new Set((list as { username: string }[]).map(({ username }) => username));
  for (const name of tally.registered) if (!stored.has(name)) lost.push(`account ${name}`);
  const code = async (token: string) => (await service.withToken("GET", "/api/getUser", token)).body.code;
  for (const token of tally.revoked)
    if ((await code(token)) !== "token_revoked") lost.push("a logout: its token is let in");
  for (const [name, token] of tally.live) if (await code(token)) lost.push(`the session of ${name}`);
  for (const [username, password] of tally.passwords) {
    const answer = await service.post("/api/login", { username, password });
    if (answer.status !== 200) lost.push(`the new password of ${username}`);
  }
  return lost;
}
