import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { CHEAP_ENV, TEST_SECRET } from "../support/app.ts";
import { databaseUrl } from "../support/database.ts";
import { startService, until } from "../support/process.ts";
import { body } from "./bodies.ts";
import { claim, ENDPOINTS, type Heard, judgeAnswer, keepsSecrets, MARK } from "./judge.ts";
import { headerValue, text } from "./text.ts";
import { UNLIMITED, type World } from "./world.ts";

/**
 * What Bun 1.4.5 says by itself, before any code of ours, to what is no request to it: a broken head or framing, no Host
 * in HTTP/1.1, another version, too large a head. A status line, `Connection: close`, nothing else.
 */
const BUNS_OWN = [
  "400 Bad Request",
  "431 Request Header Fields Too Large",
  "505 HTTP Version Not Supported",
].map((status) => `HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);

/** Methods that Bun knows; on any other it closes the connection without a word. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PROPFIND", "TRACE", "QUERY"];

interface Raw {
  method: string;
  path: string;
  head: string[];
  body: Uint8Array;
  framing: "length" | "chunked" | "short" | "cut" | "bad chunk" | "both" | "twice" | "junk length" | "none";
  version: string;
  end: string;
}

const raw: fc.Arbitrary<Raw> = fc
  .record({
    endpoint: fc.constantFrom(...ENDPOINTS),
    other: fc.oneof(
      { weight: 12, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(...METHODS, "FOO", "get", "", MARK) },
    ),
    tail: fc.oneof(
      { weight: 16, arbitrary: fc.constant("") },
      text.map((t) => `?${encodeURI(t.toWellFormed())}`),
      text,
      fc.constant(`/${"a".repeat(17_000)}`),
    ),
    head: fc.array(
      fc.oneof(
        fc
          .tuple(
            fc.constantFrom("Authorization", "X-A", "Accept", "User-Agent", "Cookie", "Expect", "Origin"),
            headerValue,
          )
          .map(([n, v]) => `${n}: ${v}`),
        headerValue.map((v) => `Authorization: Bearer ${v}`),
        headerValue.map((v) => `X-Forwarded-For: ${v}`),
        fc.constantFrom(
          "no colon",
          "A : b",
          " folded",
          "A: b\0c",
          "A: \x01",
          ": b",
          "A: b\nB: c",
          `A: ${"a".repeat(9000)}`,
          "Host: other",
          "Upgrade: websocket",
          "Transfer-Encoding: gzip",
          "Content-Length: -1",
        ),
        text.map((t) => `X-B: ${t}`),
      ),
      { maxLength: 2 },
    ),
    host: fc.constantFrom("Host: x", "Host: x", "Host: x", "Host:", "Host: [::1", "Host: a b"),
    type: fc.constantFrom(
      "Content-Type: application/json",
      "Content-Type: application/json",
      "Content-Type: text/plain",
    ),
    body,
    framing: fc.constantFrom<Raw["framing"]>(
      "length",
      "length",
      "length",
      "length",
      "length",
      "length",
      "chunked",
      "chunked",
      "chunked",
      "short",
      "cut",
      "bad chunk",
      "both",
      "twice",
      "junk length",
      "none",
    ),
    version: fc.constantFrom(
      ...Array<string>(30).fill("HTTP/1.1"),
      "HTTP/1.0",
      "HTTP/1.0",
      "HTTP/2.0",
      "HTTP/1.2",
      "http/1.1",
      "",
    ),
    end: fc.constantFrom(...Array<string>(40).fill("\r\n"), "\n", "\r"),
  })
  .map(({ endpoint: [method, path], other, tail, host, type, head, body, ...rest }) => ({
    method: other ?? method,
    path: path + tail,
    head: [host, type, ...head],
    body: typeof body === "string" ? Buffer.from(body) : (body ?? new Uint8Array()),
    ...rest,
  }));

/** The bytes of a request, and whether the server has everything it was promised, so that an answer must come. */
function bytesOf({ method, path, head, body, framing, version, end }: Raw): {
  bytes: Buffer;
  whole: boolean;
} {
  const n = body.length;
  const chunks = [Buffer.from(`${n.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")];
  const [lines, parts]: [string[], Uint8Array[]] = {
    length: [[`Content-Length: ${n}`], [body]],
    chunked: [["Transfer-Encoding: chunked"], n > 0 ? chunks : [Buffer.from("0\r\n\r\n")]],
    short: [[`Content-Length: ${n + 9}`], [body]],
    cut: [["Transfer-Encoding: chunked"], [Buffer.from(`${(n + 5).toString(16)}\r\n`), body]],
    "bad chunk": [["Transfer-Encoding: chunked"], [Buffer.from("2\r\n{}\r\nzz\r\n"), body]],
    both: [[`Content-Length: ${n}`, "Transfer-Encoding: chunked"], chunks],
    twice: [[`Content-Length: ${n}`, `Content-Length: ${n + 1}`], [body]],
    "junk length": [[`Content-Length: ${n}x`], [body]],
    none: [[], []],
  }[framing] as [string[], Uint8Array[]];
  const first = `${method} ${path}${version ? ` ${version}` : ""}`;
  const start = `${[first, ...head, ...lines].join(end)}${end}${end}`;
  return { bytes: Buffer.concat([Buffer.from(start), ...parts]), whole: !["short", "cut"].includes(framing) };
}

/** The answers to some requests, in their order, in what came over a connection. @returns undefined if one is incomplete */
function answersIn(received: Buffer, requests: Raw[]): Heard[] | undefined {
  const answers: Heard[] = [];
  for (let rest = received; rest.length > 0; ) {
    const at = rest.indexOf("\r\n\r\n");
    if (at < 0) return undefined;
    const [line = "", ...fields] = rest.subarray(0, at).toString("latin1").split("\r\n");
    const headers = new Headers(
      fields.map((field) => field.split(/: ?(.*)/s).slice(0, 2) as [string, string]),
    );
    const bodiless = requests[answers.length]?.method === "HEAD"; // it tells the length of what it leaves out
    const length = bodiless ? 0 : Number(headers.get("Content-Length") ?? 0);
    if (rest.length < at + 4 + length) return undefined;
    const status = Number(line.split(" ")[1]);
    if (status !== 100)
      answers.push({ status, headers, text: rest.subarray(at + 4, at + 4 + length).toString() });
    rest = rest.subarray(at + 4 + length);
  }
  return answers;
}

/** Far beyond what any answer takes, in milliseconds: only a failure waits for it. */
const LIMIT_MS = 30_000;

/**
 * Sends bytes and gathers what comes back until the server closes, `enough` of it is there, or nothing more is to come:
 * something was answered, or nothing can be, and the server has served somebody else since (`elsewhere`).
 */
function exchange(
  port: number,
  { bytes, whole }: { bytes: Buffer; whole: boolean },
  enough: (all: Buffer) => boolean,
  elsewhere: () => Promise<unknown>,
): Promise<{ all: Buffer; ended: boolean }> {
  return new Promise((resolve) => {
    let all = Buffer.alloc(0);
    const done = (ended: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ all, ended });
    };
    const settle = () =>
      elsewhere().then(
        () => done(true),
        () => done(false),
      );
    const socket: Socket = connect(port, "127.0.0.1", () => {
      socket.write(bytes);
      if (!whole) settle();
    });
    const timer = setTimeout(() => done(false), LIMIT_MS);
    socket.on("data", (data: Buffer) => {
      all = Buffer.concat([all, data]);
      if (enough(all)) done(true);
      else settle();
    });
    socket.on("error", () => {});
    socket.on("close", () => done(true));
  });
}

/** After so many cases the log is looked at, and once at the end. */
const LOOK_EVERY = 25;

/**
 * Bytes that Fetch could not say, to the real program: whatever it answers is the envelope or what Bun says by itself, it
 * goes on serving, and its log holds no secret, no error and no 5xx, also where the client has gone away.
 */
export async function rawRequests(world: World) {
  const service = await startService({
    JWT_SECRET_KEY: TEST_SECRET,
    DATABASE_URL: databaseUrl(world.target),
    ...CHEAP_ENV,
    ...UNLIMITED,
  });
  const port = Number(new URL(service.origin).port);
  let read = service.stdout().length;
  let asked = 0;
  const lookAtLog = (why: string) => {
    const log = service.stdout().slice(read);
    read += log.length;
    keepsSecrets([MARK], log + service.stderr(), "the log");
    claim(!/"level":"error"|"status":5/.test(log), () => `a failure of ours in the log: ${log} ${why}`);
  };
  world.closers.push(async () => {
    service.process.kill("SIGTERM"); // it writes what it has not written yet
    await service.process.exited;
    await until(
      () => service.stdout.ended(),
      () => "its log does not end",
    );
    lookAtLog("at the end");
  });
  return fc.asyncProperty(
    fc.oneof(fc.array(raw, { minLength: 1, maxLength: 1 }), fc.array(raw, { minLength: 1, maxLength: 3 })),
    async (requests) => {
      const sent = requests.map(bytesOf);
      const bytes = Buffer.concat(sent.map(({ bytes }) => bytes));
      // Several at once are one behind the other only as long as each is answered at once: Bun closes on the rest.
      const enough = (all: Buffer) => (answersIn(all, requests)?.length ?? 0) >= sent.length;
      const why = (all: Buffer) =>
        `${JSON.stringify(bytes.toString("latin1").slice(0, 3000))} → ${JSON.stringify(all.toString("latin1"))}`;
      const whole = sent.every((one) => one.whole);
      const { all, ended } = await exchange(port, { bytes, whole }, enough, () =>
        fetch(`${service.origin}/livez`),
      );
      claim(ended, () => `neither an answer nor an end: ${why(all)}`);
      if (all.length === 0) world.tally.unanswered++;
      else judgeRaw(world, requests, all, why);
      // Once a later request is in the log, so is this one's line.
      const id = `after-${++asked}`;
      const alive = await fetch(`${service.origin}/livez`, { headers: { "X-Request-Id": id } });
      claim(alive.status === 200, () => `no longer alive after ${why(Buffer.alloc(0))}`);
      if (asked % LOOK_EVERY !== 0) return; // the log is written in pieces
      await until(
        () => service.stdout().includes(`"${id}"`, read),
        () => "no log line",
      );
      lookAtLog(why(Buffer.alloc(0)));
    },
  );
}

/** Judges each answer on a connection; what Bun says by itself may only be the last. */
function judgeRaw(world: World, requests: Raw[], all: Buffer, why: (all: Buffer) => string): void {
  let ours = all.toString("latin1");
  const own = BUNS_OWN.find((answer) => ours.endsWith(answer));
  if (own) ours = ours.slice(0, -own.length);
  const answers = answersIn(Buffer.from(ours, "latin1"), requests);
  claim(
    answers !== undefined && answers.length <= requests.length,
    () => `half an answer, or one too many: ${why(all)}`,
  );
  for (const [i, heard] of answers.entries()) {
    const { method, path } = requests[i] as Raw;
    const greeting = heard.text === '{"hello":"world"}';
    const asked = { method, path: greeting ? "/" : path.replace(/[?#].*/s, ""), secrets: [MARK] };
    world.tally.add(asked, heard.status, judgeAnswer(asked, heard));
  }
  if (own) world.tally.add({ method: "", path: "" }, Number(own.slice(9, 12)), "Bun's own answer");
}
