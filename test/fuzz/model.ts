import type { LogoutScope } from "../../src/auth/sessions.ts";
import type { ErrorCode } from "../../src/errors.ts";

/** README's numbers, in seconds: not taken from the code, so that a change there is noticed. */
const LEEWAY = 10;
const GRACE = 30;
const ACCESS_LIFE = 2 * 60 * 60;
const SESSION_LIFE = 30 * 24 * 60 * 60;

type Outcome = "ok" | ErrorCode;
export type Kind = "access" | "refresh";

export interface Account {
  /** As it was registered; undefined: there is none. */
  username: string | undefined;
  password: number;
  disabled: boolean;
  /** Tokens without a session are good if made from then on. */
  cutoff: number;
}

interface Session {
  account: Account;
  live: boolean;
  counter: number;
  rotatedAt: number;
  expiresAt: number;
}

/** What the model knows of a token; `jti` and the name of its session are read off the token once it is there. */
export interface Expected {
  kind: Kind;
  account: Account;
  session: string | undefined;
  counter: number;
  madeAt: number;
  expiresAt: number;
  /** The Flask refresh token that it was got with. */
  parent: string | undefined;
}

export type Token = Expected & { text: string; jti: string };

/** What is good, in as few words as it can be said: times in epoch seconds. */
export class Model {
  readonly accounts: Account[];
  readonly tokens: Token[] = [];
  private readonly sessions = new Map<string, Session>();
  private readonly revoked = new Set<string>();

  constructor(
    public now: number,
    accounts: number,
  ) {
    this.accounts = Array.from({ length: accounts }, () => ({
      username: undefined,
      password: 0,
      disabled: false,
      cutoff: 0,
    }));
  }

  register(account: Account, username: string, password: number): Outcome {
    if (account.username !== undefined) return "username_taken";
    Object.assign(account, { username, password, disabled: false, cutoff: this.now - LEEWAY });
    return "ok";
  }

  login(account: Account, password: number): Outcome {
    if (account.username === undefined) return "unknown_username";
    if (account.password !== password) return "invalid_password";
    return account.disabled ? "account_disabled" : "ok";
  }

  /** A session that a login opened under that name. */
  open(name: string, account: Account): void {
    const expiresAt = this.now + SESSION_LIFE;
    this.sessions.set(name, { account, live: true, counter: 0, rotatedAt: -Infinity, expiresAt });
  }

  /** What a token gets wherever one of that kind is asked for. */
  check(token: Token, kind: Kind): Outcome {
    if (token.expiresAt + LEEWAY <= this.now) return "token_expired";
    if (token.kind !== kind) return "token_wrong_type";
    return this.stands(token) ? "ok" : "token_revoked";
  }

  private stands({ account, jti, parent, session, madeAt }: Token): boolean {
    if (account.username === undefined || account.disabled) return false;
    if (this.revoked.has(jti) || (parent !== undefined && this.revoked.has(parent))) return false;
    return session === undefined ? account.cutoff <= madeAt : this.sessionOf(session)?.live === true;
  }

  private sessionOf = (name: string) => this.sessions.get(name);

  refresh(token: Token): Outcome {
    const fault = this.check(token, "refresh");
    if (token.session === undefined) {
      if (fault !== "token_revoked") return fault;
      return this.retryOrTheft(token.jti, 0) === "token_revoked" ? "token_revoked" : "token_reused";
    }
    if (fault !== "ok") return fault;
    const session = this.sessionOf(token.session);
    if (session?.counter === token.counter) return "ok";
    this.retryOrTheft(token.session, token.counter);
    return "token_reused";
  }

  rotate(token: Token): Outcome {
    const fault = this.check(token, "refresh");
    if (fault !== "ok" && fault !== "token_revoked") return fault;
    if (token.session === undefined) {
      if (fault !== "ok") return this.retryOrTheft(token.jti, 0);
      const { account, jti, expiresAt } = token;
      this.revoked.add(jti);
      this.sessions.set(jti, { account, live: true, counter: 1, rotatedAt: this.now, expiresAt });
      return "ok";
    }
    const session = this.sessionOf(token.session);
    if (fault !== "ok" || !session) return fault;
    if (session.counter !== token.counter) return this.retryOrTheft(token.session, token.counter);
    session.counter++;
    session.rotatedAt = this.now;
    return "ok";
  }

  private retryOrTheft(name: string, counter: number): Outcome {
    const session = this.sessionOf(name);
    if (!session?.live) return "token_revoked";
    if (counter === session.counter - 1 && this.now - session.rotatedAt <= GRACE) return "ok";
    session.live = false;
    return "token_reused";
  }

  logout(token: Token, scope: LogoutScope): Outcome {
    const fault = this.check(token, "access");
    if (fault !== "ok") return fault;
    const own = token.session === undefined ? undefined : this.sessionOf(token.session);
    if (scope === "session" && own) own.live = false;
    if (scope !== "session") this.endSessions(token.account, scope === "others" ? own : undefined);
    if (scope !== "others") {
      this.revoked.add(token.jti);
      if (token.parent !== undefined) this.revoked.add(token.parent);
    }
    return "ok";
  }

  changePassword(token: Token, current: number, next: number): Outcome {
    const fault = this.check(token, "access");
    if (fault !== "ok") return fault;
    if (token.account.password !== current) return "invalid_password";
    token.account.password = next;
    this.endSessions(token.account, token.session === undefined ? undefined : this.sessionOf(token.session));
    return "ok";
  }

  /** Ends all of an account's sessions but one, and every token made until now that names none. */
  endSessions(account: Account, except?: Session): void {
    account.cutoff = Math.max(account.cutoff, this.now + LEEWAY + 1);
    for (const session of this.sessions.values())
      if (session.account === account && session !== except) session.live = false;
  }

  /** The names of the account's sessions that have not run out. */
  liveSessions = (account: Account): string[] =>
    [...this.sessions]
      .filter(([, { account: owner, live, expiresAt }]) => owner === account && live && expiresAt > this.now)
      .map(([name]) => name);

  /** What a new token must be like: of a session, or of Flask's refresh token `parent`. */
  successor(kind: Kind, account: Account, session: string | undefined, parent?: Token): Expected {
    const end = session === undefined ? Infinity : (this.sessionOf(session)?.expiresAt ?? 0);
    const expiresAt = kind === "refresh" ? end : Math.min(this.now + ACCESS_LIFE, end);
    const counter = session === undefined ? 0 : (this.sessionOf(session)?.counter ?? 0);
    return { kind, account, session, counter, madeAt: this.now, expiresAt, parent: parent?.jti };
  }
}
