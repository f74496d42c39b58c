import { catalogue, type ErrorCode } from "../../src/errors.ts";

/** Planted into what is sent; it must come back in no failure and stand in no log line. */
export const MARK = "hush9d41c7aa";

/** Paths whose answer is not the envelope: the seed's greeting, and texts for other readers. */
const BARE = new Set(["/metrics", "/openapi.json", "/docs"]);

/** Every path that is served, and by which methods; `*` for what is not. */
export const ENDPOINTS = [
  ["POST", "/api/register"],
  ["POST", "/api/login"],
  ["GET", "/api/login"],
  ["POST", "/api/refreshToken"],
  ["GET", "/api/refreshToken"],
  ["POST", "/api/rotateToken"],
  ["POST", "/api/logout"],
  ["POST", "/api/changePassword"],
  ["GET", "/api/getUser"],
  ["GET", "/api/getUserList"],
  ["GET", "/api/getSessionList"],
  ["GET", "/"],
  ["GET", "/livez"],
  ["GET", "/readyz"],
] as const;

const NAMES = new Set(ENDPOINTS.map(([method, path]) => `${method} ${path}`));

/** An answer as it came, before anything is believed of it. */
export interface Heard {
  status: number;
  headers: Headers;
  text: string;
}

/** What was asked, and what of it must stay secret. */
export interface Asked {
  method: string;
  /** Without query, as the server sees it. */
  path: string;
  secrets: string[];
}

/** How many cases were judged, by what. A case is one request whose answer was held against every property. */
export class Tally {
  cases = 0;
  /** Requests on a socket that got no answer, as they should not: judged by the log alone and not counted as cases. */
  unanswered = 0;
  readonly endpoints = new Map<string, number>();
  readonly statuses = new Map<string, number>();
  readonly codes = new Map<string, number>();

  add({ method, path }: Pick<Asked, "method" | "path">, status: number, code: string): void {
    this.cases++;
    const name = `${method} ${path}`;
    bump(this.endpoints, NAMES.has(name) ? name : "any other method or path");
    bump(this.statuses, String(status));
    bump(this.codes, code);
  }
}

const bump = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);

/** Fails a property, saying why without repeating more than is needed. */
export function claim(holds: boolean, otherwise: () => string): asserts holds {
  if (!holds) throw new Error(otherwise());
}

/** Holds an answer against the contract. @returns its code, `ok` for a success, or what stands for one without a body */
export function judgeAnswer(asked: Asked, heard: Heard): string {
  const { status, headers, text } = heard;
  const said = () => `${asked.method} ${asked.path} → ${status} ${JSON.stringify([...headers])} ${text}`;
  claim(status < 500, () => `a 5xx: ${said()}`);
  claim(/^[\w=-]{1,128}$/.test(headers.get("X-Request-Id") ?? ""), () => `no X-Request-Id: ${said()}`);
  if (status !== 200) keepsSecrets(asked.secrets, `${JSON.stringify([...headers])} ${text}`, "the answer");
  if (asked.method === "OPTIONS" && status === 204) {
    claim(text === "" && headers.has("Access-Control-Allow-Methods"), () => `no preflight: ${said()}`);
    return "preflight";
  }
  if (status === 401)
    claim(
      /^Bearer realm="latchkey"/.test(headers.get("WWW-Authenticate") ?? ""),
      () => `no challenge: ${said()}`,
    );
  if (status === 405)
    claim(/^([A-Z]+, )+OPTIONS$/.test(headers.get("Allow") ?? ""), () => `no Allow: ${said()}`);
  if (status === 429)
    claim(/^\d+$/.test(headers.get("Retry-After") ?? ""), () => `no Retry-After: ${said()}`);
  if (BARE.has(asked.path) && status === 200) return "bare";
  claim(
    /^application\/json(;|$)/.test(headers.get("Content-Type") ?? ""),
    () => `not called JSON: ${said()}`,
  );
  if (asked.method === "HEAD") {
    claim(text === "", () => `HEAD with a body: ${said()}`);
    return "head";
  }
  if (asked.path === "/" && status === 200) {
    claim(text === '{"hello":"world"}', () => `another greeting: ${said()}`);
    return "ok";
  }
  return judgeEnvelope(status, headers, text, said);
}

function judgeEnvelope(status: number, headers: Headers, text: string, said: () => string): string {
  const body = JSON.parse(text) as Record<string, unknown>;
  const keys = Object.keys(body).join();
  claim(typeof body.message === "string" && body.message !== "", () => `no message: ${said()}`);
  if (status === 200) {
    claim(keys === "success,message,data" && body.success === true, () => `not the envelope: ${said()}`);
    if (/"(access|refresh)Token":/.test(text))
      claim(headers.get("Cache-Control") === "no-store", () => `tokens may be cached: ${said()}`);
    return "ok";
  }
  const code = body.code as ErrorCode;
  const wanted =
    code === "validation_failed" ? "success,message,data,code,errors" : "success,message,data,code";
  claim(keys === wanted && body.success === false && body.data === null, () => `not the envelope: ${said()}`);
  claim(
    Object.hasOwn(catalogue, code) && catalogue[code].status === status,
    () => `not in the catalogue: ${said()}`,
  );
  if (code === "validation_failed") {
    const errors = body.errors as { field: string; message: string }[];
    const well = errors.every(
      (one) =>
        Object.keys(one).join() === "field,message" &&
        typeof one.field === "string" &&
        typeof one.message === "string",
    );
    claim(errors.length > 0 && well, () => `errors of another form: ${said()}`);
  }
  claim(!/\$argon2|pbkdf2:|INSERT|SELECT|\n\s+at /i.test(text), () => `an inside story: ${said()}`);
  return code;
}

/** None of the secrets, in any case of letters, in a text. */
export function keepsSecrets(secrets: string[], text: string, where: string): void {
  const folded = text.toLowerCase();
  for (const secret of secrets)
    claim(
      secret.length < 8 || !folded.includes(secret.toLowerCase()),
      () => `${where} holds a secret: ${text}`,
    );
}
