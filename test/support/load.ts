import { PASSWORD, type Tokens, unique } from "./app.ts";
import { type RawAnswer, type RawConnection, rawConnect, rawRequest } from "./raw.ts";

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
  let connection: RawConnection | undefined;
  const send = async ({ method, path, token, body }: Sent): Promise<RawAnswer> => {
    if (!connection?.isOpen()) connection = await rawConnect(port);
    const before = connection.answers().length;
    const headers = {
      ...(token ? { Authorization: token } : {}),
      ...(body ? { "Content-Type": "application/json" } : { "Content-Length": "0" }),
      ...(keepAlive ? {} : { Connection: "close" }),
    };
    connection.send(rawRequest(method, path, headers, body ? JSON.stringify(body) : ""));
    const answer = (await connection.until(before + 1))[before];
    if (!answer) throw new Error("lost");
    if (!keepAlive || answer.headers.get("connection") === "close") connection.hangUp();
    return answer;
  };
  return { send, close: () => connection?.hangUp() };
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
