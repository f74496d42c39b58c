/** An answer as it came over the wire. */
export interface RawAnswer {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: string;
}

/** A connection below any HTTP client: for requests that none would send, or that are broken off. */
export interface RawConnection {
  send(data: string | Uint8Array): void;
  /** The answers that are complete, in their order. */
  answers(): RawAnswer[];
  /** Waits for that many answers; gives fewer if the connection ends before. */
  until(count: number): Promise<RawAnswer[]>;
  isOpen(): boolean;
  closed: Promise<void>;
  /** Hangs up, whatever is under way. */
  hangUp(): void;
}

/** @throws if nobody listens there */
export async function rawConnect(port: number): Promise<RawConnection> {
  let rest = "";
  let unsent: Uint8Array = new Uint8Array(0);
  const answers: RawAnswer[] = [];
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const go of waiting.splice(0)) go();
  };
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let open = true;
  const end = () => {
    open = false;
    resolve();
    wake();
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data(_, data) {
        rest += data.toString("latin1");
        for (let next = parseAnswer(rest); next; next = parseAnswer(rest)) {
          answers.push(next.answer);
          rest = rest.slice(next.length);
        }
        wake();
      },
      drain(drained) {
        unsent = unsent.subarray(drained.write(unsent));
      },
      close: end,
      error: end,
    },
  });
  return {
    send(data) {
      const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
      if (unsent.length > 0) unsent = Buffer.concat([unsent, bytes]);
      else unsent = bytes.subarray(Math.max(0, socket.write(bytes)));
    },
    answers: () => answers,
    async until(count) {
      while (open && answers.length < count) await new Promise<void>((go) => waiting.push(go));
      return answers;
    },
    isOpen: () => open,
    closed,
    hangUp: () => socket.terminate(),
  };
}

/** The first answer in what a server sent, if it is complete; one without a length has no body here. */
function parseAnswer(text: string): { answer: RawAnswer; length: number } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = end + 4 + Number(headers.get("content-length") ?? 0);
  if (text.length < length) return undefined;
  const body = Buffer.from(text.slice(end + 4, length), "latin1").toString();
  return { answer: { status: Number(first.split(" ")[1]), headers, body }, length };
}

/** A request's text. A length is added where there is a body and no other word of its length. */
export function rawRequest(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = "",
): string {
  const length = body && !headers["Transfer-Encoding"] ? { "Content-Length": String(body.length) } : {};
  const lines = Object.entries({ Host: "x", ...length, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** A login's text. */
export const rawLogin = (username: string, password: string): string =>
  rawRequest(
    "POST",
    "/api/login",
    { "Content-Type": "application/json" },
    JSON.stringify({ username, password }),
  );
