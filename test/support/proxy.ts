import { connect, createServer, type Socket } from "node:net";
import type { DatabaseTarget } from "../../src/config/database.ts";

/** Where an answer gets lost: the statement never reached the server, or was done by it. */
export type Cut = "before" | "after";

/** A way to a database on which answers get lost. */
export interface LossyWay {
  target: DatabaseTarget;
  /** Breaks the next so many connections on which a statement with this text, or one of these, is sent. */
  cut(text: string | string[], when: Cut, times?: number): void;
  /** How many it has broken. */
  broken(): number;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Stands between a pool and its server, on a TCP port of the loopback. Statements are found by a part of their bytes,
 * which is in them whether they are sent as text or with parameters apart.
 */
export async function lossyWay(to: DatabaseTarget): Promise<LossyWay> {
  const sockets = new Set<Socket>();
  let rule: { texts: string[]; when: Cut; times: number } | undefined;
  let broken = 0;
  const server = createServer((client) => {
    const upstream = to.socketPath
      ? connect(to.socketPath)
      : connect(to.port ?? 3306, to.host ?? "127.0.0.1");
    const both = [client, upstream];
    const end = () => {
      for (const socket of both) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    let swallowing = false;
    for (const socket of both) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (bytes) => {
      if (rule && rule.times > 0 && rule.texts.some((text) => bytes.includes(text))) {
        rule.times--;
        broken++;
        if (rule.when === "before") return end();
        swallowing = true; // until the server has answered
      }
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (swallowing) end();
      else client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const { user, password, database } = to;
  return {
    target: { host: "127.0.0.1", port, user, password, database },
    cut: (text, when, times = 1) => {
      rule = { texts: [text].flat(), when, times };
      broken = 0;
    },
    broken: () => broken,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
