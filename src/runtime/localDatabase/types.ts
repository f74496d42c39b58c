import type { Report } from "./run.ts";

/** A running private database server. */
export interface LocalDatabase {
  /** What runs and where it is from, as `MariaDB 10.11.19 (unpacked in .data/mariadb)`. */
  engine: string;
  /** Of the server itself; undefined in Docker. */
  pid: number | undefined;
  connection:
    | { socketPath: string; user: string; password: string }
    | { host: string; port: number; user: string; password: string };
  /** The exit status, when the server ends for whatever reason. Waiting for it alone keeps no process from ending. */
  exited: Promise<number>;
  /** Ends the server (killed after 20 s), lets go of the folder, removes what is a throwaway's. May be called again. */
  stop(): Promise<void>;
}

export interface LocalDatabaseOptions {
  /** Holds the data directory (`database/`), the unpacked copy (`mariadb/`), templates and locks. Made when missing. */
  folder: string;
  /** The data directory, when not `<folder>/database` (or for a throwaway, a new one in `<folder>/throwaway/`). */
  dataFolder?: string;
  /** Fast, not durable, and removed by `stop`. Its data folder has to be new or empty. */
  throwaway?: boolean;
  /** More options for the server, after ours; not for one in Docker. */
  flags?: string[];
  /** More of an environment for the server, which sees nothing of ours; not for one in Docker. */
  env?: Record<string, string>;
  /** The PATH to look for servers and tools in; the process's own when left out. */
  path?: string;
  /** Takes progress, a line each. */
  report: Report;
}
