import { type RawAnswer, type RawConnection, rawConnect, rawLogin, rawRequest } from "../../support/raw.ts";
import { codeOf, each, exchange, type Flood, judge, open, PEOPLE } from "./flood.ts";

/** A right login, a name that nobody has, or the refusal that says when to come back. */
const loginRight = (known: boolean) => (answer: RawAnswer) => {
  if (answer.status === 503) return codeOf(answer) === "503 overloaded" && answer.headers.has("retry-after");
  return known ? answer.status === 200 : codeOf(answer) === "400 unknown_username";
};

/** 200 clients that log in over and over; after a refusal they wait as long as it says, or for so many milliseconds. */
const logins = (hastyMs?: number) => async (flood: Flood) => {
  const loop = async (_: unknown, i: number) => {
    const known = i % 5 !== 0;
    const person = PEOPLE[i % PEOPLE.length] ?? { username: "", password: "" };
    const request = rawLogin(known ? person.username : `nobody-${i}`, person.password);
    while (flood.running()) {
      const connection = await rawConnect(flood.port);
      for (let n = 0; n < 50 && flood.running(); n++) {
        if (!(await exchange(connection, flood.tally, request, loginRight(known)))) break;
        const refusal = connection.answers().at(-1)?.headers.get("retry-after");
        if (refusal) await Promise.race([Bun.sleep(hastyMs ?? Number(refusal) * 1000), flood.stopped]);
      }
      connection.hangUp();
    }
  };
  const loops = Array.from({ length: 200 }, loop);
  flood.on();
  await Promise.all(loops);
};

/** Connections that the service closed of itself, as it may: they asked for nothing, or were slow. */
const countClosed = ({ tally }: Flood, connections: RawConnection[]) => {
  const closed = connections.filter((connection) => !connection.isOpen()).length;
  if (closed > 0) tally.answers["closed by the service"] = closed;
};

/** Sends a byte a second on each of 2,000 connections. */
const drip = (head: string) => async (flood: Flood) => {
  const connections = await open(flood, 2000);
  for (const connection of connections) connection.send(head);
  flood.tally.requests = connections.length;
  flood.on();
  while (flood.running()) {
    for (const connection of connections) if (connection.isOpen()) connection.send("a");
    await Promise.race([Bun.sleep(1000), flood.stopped]);
  }
  for (const connection of connections) {
    for (const answer of connection.answers()) judge(flood.tally, answer, false, 0);
  }
  countClosed(flood, connections);
};

const refuses =
  (...codes: string[]) =>
  (answer: RawAnswer) =>
    codes.includes(codeOf(answer));
const MEGABYTE = "x".repeat(1024 * 1024);

/** A body of 20 MB whose sender reads nothing before it has sent all it can. */
const largeBody = (head: Record<string, string>, piece: string) => (flood: Flood) =>
  each(flood, 8, 50, async (connection) => {
    const request = rawRequest("POST", "/api/login", { "Content-Type": "application/json", ...head });
    const answered = exchange(connection, flood.tally, request, refuses("413 payload_too_large"));
    for (let i = 0; i < 20 && connection.isOpen(); i++) {
      connection.send(piece);
      await Bun.sleep(0);
    }
    await answered;
  });

/** 100 requests in one piece; of `paths`, each with the answer that belongs to it. */
const pipelined =
  (paths: [path: string, right: (answer: RawAnswer) => boolean][], token: boolean) => (flood: Flood) =>
    each(flood, 4, 100, async (connection) => {
      const sent = Array.from({ length: 100 }, (_, i) => {
        const [path, right] = paths[i % paths.length] ?? ["/", () => false];
        return { id: `${process.pid}-${flood.tally.requests++}`, path, right };
      });
      const sentAt = performance.now();
      const headers: Record<string, string> = token ? { Authorization: flood.token } : {};
      connection.send(
        sent.map(({ id, path }) => rawRequest("GET", path, { ...headers, "X-Request-Id": id })).join(""),
      );
      const answers = await connection.until(sent.length);
      // Bun closes a connection when a request comes while the one before it waits for something (RFC 9112 section 9.3.2
      // has the client send again what was not answered).
      const unanswered = sent.length - answers.length;
      if (token) flood.tally.answers.closed = (flood.tally.answers.closed ?? 0) + unanswered;
      else flood.tally.lost += unanswered;
      for (const [i, answer] of answers.entries()) {
        const own = sent[i]?.id === answer.headers.get("x-request-id") && sent[i]?.right(answer) === true;
        judge(flood.tally, answer, own, performance.now() - sentAt);
      }
    });

const ok = (answer: RawAnswer) => answer.status === 200;

export const kinds: Record<string, (flood: Flood) => Promise<void>> = {
  logins: logins(),
  "hasty logins": logins(100),
  "hang-ups": (flood) =>
    each(flood, 30, 0, async (connection) => {
      const person = PEOPLE[flood.tally.requests++ % PEOPLE.length] ?? { username: "", password: "" };
      connection.send(rawLogin(person.username, person.password));
      await Bun.sleep(Math.random() * 60); // some before the hash begins, some while it runs
    }),
  "slow heads": drip("GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "),
  "slow bodies": drip(
    "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n",
  ),
  "idle connections": async (flood) => {
    const connections = await open(flood, 10_000);
    flood.tally.requests = connections.length;
    flood.on();
    await flood.stopped;
    countClosed(flood, connections);
  },
  "one 64 KB header": (flood) =>
    each(flood, 20, 50, (connection) =>
      exchange(
        connection,
        flood.tally,
        rawRequest("GET", "/livez", { "X-Large": "x".repeat(65_536) }),
        refuses("431"),
      ),
    ),
  "64 headers of 1 KB": (flood) =>
    each(flood, 20, 50, (connection) =>
      exchange(
        connection,
        flood.tally,
        rawRequest(
          "GET",
          "/livez",
          Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`X-Large-${i}`, "x".repeat(1024)])),
        ),
        refuses("431"),
      ),
    ),
  "20 MB declared": largeBody({ "Content-Length": String(20 * MEGABYTE.length) }, MEGABYTE),
  "20 MB chunked": largeBody({ "Transfer-Encoding": "chunked" }, `100000\r\n${MEGABYTE}\r\n`),
  "pipelined, no database": pipelined(
    [
      ["/livez", ok],
      ["/", (answer) => answer.body === '{"hello":"world"}'],
      ["/nowhere", refuses("404 not_found")],
      ["/api/getUserList", refuses("401 token_missing")],
    ],
    false,
  ),
  "pipelined, token checks": pipelined([["/api/getUser", ok]], true),
  // Those of the user whose sessions the logins before have made: up to 1000 of them.
  "session lists": (flood) =>
    each(flood, 20, 50, (connection) =>
      exchange(
        connection,
        flood.tally,
        rawRequest("GET", "/api/getSessionList", { Authorization: flood.token }),
        ok,
      ),
    ),
  churn: (flood) =>
    each(flood, 50, 50, (connection) =>
      exchange(connection, flood.tally, rawRequest("GET", "/livez", { Connection: "close" }), ok),
    ),
};
