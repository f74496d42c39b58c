import type { Connection, RowDataPacket } from "mysql2/promise";
import type { OwnServer } from "./ownServer.ts";
import { until } from "./process.ts";

/** Does one thing to a server. @returns what undoes it */
export type Fault = (server: OwnServer) => Promise<() => Promise<void>>;

/** What happens to databases. While the first three last nothing can be answered from them. */
export const faults = {
  /** Alive for the kernel, which goes on taking connections and bytes, and silent. */
  frozen: async (server) => {
    server.signal("SIGSTOP");
    await until(
      async () => /^T/.test(await server.processState()),
      () => "it did not freeze",
    );
    return async () => server.signal("SIGCONT");
  },
  killed: async (server) => {
    server.signal("SIGKILL");
    return () => server.startAgain();
  },
  "shut down": async (server) => {
    server.signal("SIGTERM");
    return () => server.startAgain();
  },
  "connections killed": async (server) => {
    const root = await server.root();
    await killConnections(root);
    await root.end();
    return async () => {};
  },
  "out of connections": async (server) => {
    const root = await server.root();
    const [[before]] = await root.query<RowDataPacket[]>("SELECT @@global.max_connections AS max");
    await root.query("SET GLOBAL max_connections = 10"); // the least there is
    const taken: Connection[] = [];
    await killConnections(root);
    // An administrator gets one more than the rest.
    for (let refused = false; !refused; )
      await server.root().then(
        (connection) => taken.push(connection),
        () => {
          refused = true;
        },
      );
    return async () => {
      await root.query("SET GLOBAL max_connections = ?", [before?.max]);
      await Promise.all([root, ...taken].map((connection) => connection.end()));
    };
  },
  "read-only": async (server) => {
    const root = await server.root();
    await root.query("SET GLOBAL read_only = 1");
    return async () => {
      await root.query("SET GLOBAL read_only = 0");
      await root.end();
    };
  },
  "disk full": async (server) => {
    const root = await server.root();
    // In rows that fit into a page: MariaDB 10.11.18 crashes now and then when there is no room for the rest of a BLOB.
    await root.query("CREATE TABLE faults.filler (bytes VARBINARY(6000))");
    const fill = async () => {
      for (;;) await root.query("INSERT INTO faults.filler VALUES (REPEAT('x', 6000))");
    };
    await fill().catch((error) => {
      if (error.errno !== 1114) throw error; // ER_RECORD_FILE_FULL
    });
    return async () => {
      // Not by a DROP, which would need room itself.
      await root.end();
      server.signal("SIGTERM");
      await server.startAgain({ megabytes: 64 });
    };
  },
  /** A lock that keeps every other session waiting, until its statement's time is over. */
  locked: async (server) => {
    const root = await server.root();
    await root.query("LOCK TABLES faults.user WRITE");
    return async () => {
      await root.query("UNLOCK TABLES");
      await root.end();
    };
  },
} satisfies Record<string, Fault>;

async function killConnections(root: Connection): Promise<void> {
  const [sessions] = await root.query<RowDataPacket[]>(
    "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'faults'",
  );
  for (const { id } of sessions) await root.query(`KILL ${id}`).catch(() => {}); // gone by itself meanwhile
}
