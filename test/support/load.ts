import { connect, type Socket } from "node:net";
import { PASSWORD, type Tokens, unique } from "./app.ts";

/** What became of the requests of a load. */
export interface Figures {
  requests: number;
  /** Answered as they should be: 2xx, and 4xx where that is right. */
  succeeded: number;
  refused: number;
  /** Answered with 5xx, by the service or the proxy. */
  failed: number;
  /** Sent, and the connection ended without an answer. */
  lost: number;
  /** Answered with what must not be: a good token refused, an ended one let in, another user. */
  wrong: number;
}

interface Sent {
  method: string;
  path: string;
  token?: string;
  body?: unknown;
}

/** A client of one kept connection that sends nothing twice, so that whatever is lost shows. */
function rawClient(port: number, keepAlive: boolean) {
  let socket: Socket | undefined;
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const opened = connect(port, "127.0.0.1", () => resolve(opened));
      opened.setNoDelay(true).on("error", reject);
      opened.on("close", () => {
        if (socket === opened) socket = undefined;
      });
    });
  const send = async ({ method, path, token, body }: Sent): Promise<{ status: number; body: string }> => {
    socket ??= await open();
    const used = socket;
    const text = body === undefined ? "" : JSON.stringify(body);
    const head = [
      `${method} ${path} HTTP/1.1`,
      "Host: latchkey",
      ...(token ? [`Authorization: ${token}`] : []),
      ...(text ? ["Content-Type: application/json"] : []),
      `Content-Length: ${Buffer.byteLength(text)}`,
      ...(keepAlive ? [] : ["Connection: close"]),
    ];
    return new Promise((resolve, reject) => {
      let answer = "";
      const take = (data: Buffer) => {
        answer += data;
        const [header = "", content = ""] = answer.split("\r\n\r\n");
        const length = /^content-length: (\d+)/im.exec(header)?.[1];
        if (length === undefined || content.length < Number(length)) return;
        used.off("data", take).off("close", end);
        if (!keepAlive || /^connection: close/im.test(header)) {
          socket = undefined;
          used.destroy();
        }
        resolve({ status: Number(header.split(" ")[1]), body: content });
      };
      const end = () => reject(new Error("lost"));
      used.on("data", take).on("close", end);
      used.write(`${head.join("\r\n")}\r\n\r\n${text}`);
    });
  };
  return { send, close: () => socket?.destroy() };
}

/**
 * Users who log in, use their token, log out and are refused, over and over until `running` says no. Every fourth opens
 * a connection for each request, the others keep theirs.
 */
export async function load(port: number, users: number, running: () => boolean): Promise<Figures> {
  const figures: Figures = { requests: 0, succeeded: 0, refused: 0, failed: 0, lost: 0, wrong: 0 };
  const user = async (n: number) => {
    const client = rawClient(port, n % 4 !== 3);
    const username = unique("load");
    const expecting = async (status: number, request: Sent, includes = ""): Promise<string> => {
      figures.requests++;
      const answer = await client.send(request).catch(() => undefined);
      if (answer === undefined) figures.lost++;
      else if (answer.status >= 500) figures.failed++;
      else if (answer.status !== status || !answer.body.includes(includes)) figures.wrong++;
      else if (status < 300) figures.succeeded++;
      else figures.refused++;
      return answer?.status === status ? answer.body : "";
    };
    const body = { username, password: PASSWORD };
    await expecting(200, { method: "POST", path: "/api/register", body });
    while (running()) {
      const loggedIn = await expecting(200, { method: "POST", path: "/api/login", body });
      if (!loggedIn) continue;
      const { accessToken: token } = JSON.parse(loggedIn).data as Tokens;
      const check = { method: "GET", path: "/api/getUser", token };
      for (let i = 0; i < 8 && running(); i++) await expecting(200, check, username);
      const loggedOut = await expecting(200, { method: "POST", path: "/api/logout", token });
      if (loggedOut) await expecting(401, check, "token_revoked");
    }
    client.close();
  };
  await Promise.all(Array.from({ length: users }, (_, n) => user(n)));
  return figures;
}
