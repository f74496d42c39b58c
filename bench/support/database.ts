import { type Connection, createConnection } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { connectionOptions } from "../../src/db/connection.ts";
import { migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { type LocalDatabase, startLocalDatabase } from "../../src/runtime/localDatabase/index.ts";
import { databaseUrl, dataFolder } from "../../test/support/database.ts";

/** Room for millions of rows, so that what is measured is work and not this machine's disk. */
const FLAGS = ["--innodb-buffer-pool-size=2G", "--loose-innodb-log-file-size=512M", "--max-connections=300"];

/** A throwaway server: fast, not durable, gone at the end. Commits cost next to nothing, for everybody alike. */
export const startServer = (report: (line: string) => void): Promise<LocalDatabase> =>
  startLocalDatabase({ folder: dataFolder, throwaway: true, flags: FLAGS, report });

/** A database of the service's schema, with `users` users and as many sessions, none of them revoked. */
export interface World {
  target: DatabaseTarget;
  url: string;
  connection: Connection;
}

/** Makes an empty, migrated database. */
export async function makeWorld(server: LocalDatabase, name: string): Promise<World> {
  const target: DatabaseTarget = { ...server.connection, database: name };
  const root = await createConnection(connectionOptions({ ...target, database: "" }));
  await root.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
  await root.end();
  await migrate(target, migrationsFolder);
  const connection = await createConnection(connectionOptions(target));
  await connection.query("SET SESSION max_statement_time = 0").catch(() => {});
  return { target, url: databaseUrl(target), connection };
}

/** The name of a user, counted from 1. */
export const usernameOf = (i: number): string => `user-${String(i).padStart(7, "0")}`;

/** The session number i: a UUID of version 7's form. */
export const sessionIdOf = (i: number): string => `019a0000-0000-7000-8000-${String(i).padStart(12, "0")}`;

/** Adds users 1 to `count`, all with one password. */
export async function fillUsers({ connection }: World, count: number, pwd: string): Promise<void> {
  await connection.query(
    `INSERT INTO user (id, username, pwd, salt, created_at, updated_at)
     SELECT seq, CONCAT('user-', LPAD(seq, 7, '0')), ?, '', '2026-01-01 00:00:00', '2026-01-01 00:00:00'
     FROM seq_1_to_${count}`,
    [pwd],
  );
}

/** Puts sessions 1 to `count` (of `users` users, in turn) back to how they began, and forgets every revocation. */
export async function resetSessions({ connection }: World, count: number, users: number): Promise<void> {
  await connection.query("TRUNCATE TABLE session");
  await connection.query("TRUNCATE TABLE revoked_tokens");
  await fillSessions({ connection } as World, count, users);
}

/** Adds sessions 1 to `count`; session i is that of user 1 + (i − 1) mod `users`. */
export async function fillSessions({ connection }: World, count: number, users: number): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  await connection.query(
    `INSERT INTO session (id, user_id, counter, created_at, last_used_at, expires_at, user_agent, address)
     SELECT CONCAT('019a0000-0000-7000-8000-', LPAD(seq, 12, '0')), 1 + (seq - 1) MOD ${users}, 0,
       ${now}, ${now}, ${now + SESSION_SECONDS}, 'bench', '127.0.0.1'
     FROM seq_1_to_${count}`,
  );
}

/** How long sessions last, in seconds. */
export const SESSION_SECONDS = 30 * 24 * 60 * 60;

/** Adds revoked tokens, none of which anybody presents. */
export async function fillRevoked({ connection }: World, count: number): Promise<void> {
  const expiresAt = Math.floor(Date.now() / 1000) + SESSION_SECONDS;
  const batch = 1_000_000; // a transaction's undo log stays small
  for (let from = 1; from <= count; from += batch) {
    const to = Math.min(count, from + batch - 1);
    // Scattered over the index as random jtis are.
    await connection.query(
      `INSERT INTO revoked_tokens (jti, expires_at) SELECT INSERT(INSERT(INSERT(INSERT(
         MD5(seq), 21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-'), ${expiresAt} + seq MOD 100000
       FROM seq_${from}_to_${to}`,
    );
  }
}
