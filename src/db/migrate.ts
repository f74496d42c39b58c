import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { DatabaseTarget } from "../config/database.ts";
import { adoptSeedTables } from "./adopt.ts";
import { changeTables, type Report, SHORT_WAIT } from "./changeTables.ts";
import { CAUSAL_READS, SESSION_SETTINGS, withConnection } from "./connection.ts";
import { databaseFailure, isUnknownVariable } from "./failures.ts";
import { lockName } from "./locks.ts";
import { NOTES, notedMigrations } from "./notes.ts";

/**
 * Server errors that say a statement's work is there already: table, column or key exists, key is gone. MySQL commits
 * each DDL statement by itself, so a run that was killed leaves some of a file done, and the next run meets these.
 */
const ALREADY_DONE = new Set([1050, 1060, 1061, 1091]);

/** How long an instance waits while another one migrates, in seconds. */
const LOCK_WAIT_SECONDS = 600;

/**
 * Applies what is missing of the migrations in a folder, in order. Any number of instances may call it at once: one
 * works, the others wait and then find nothing to do. A database of the seed's service is taken over as it stands.
 * @param report told of what it waits for
 * @returns how many were applied
 * @throws NotAdoptable before anything is changed; Error if another instance took longer than `LOCK_WAIT_SECONDS`; if a
 * statement fails: what was applied before it stays, and the next call goes on from there
 */
export async function migrate(
  target: DatabaseTarget,
  folder: string,
  report: Report = () => {},
): Promise<number> {
  return withConnection(target, async (connection) => {
    if ((await findPending(connection, folder)).length === 0) return 0;
    await settle(connection);
    const lock = async (seconds: number) => {
      const text = `SELECT GET_LOCK(${lockName("migrate")}, ${seconds}) AS got`;
      const [[row]] = await connection.query<RowDataPacket[]>(text);
      return row?.got === 1;
    };
    if (!(await lock(0))) {
      report("another instance is migrating this database: waiting for it");
      if (!(await lock(LOCK_WAIT_SECONDS)))
        throw new Error("another instance has been migrating this database for too long");
    }
    const pending = await findPending(connection, folder);
    if (pending.length === 0) return 0;
    await adoptSeedTables(connection, report);
    await changeTables(connection, NOTES, report);
    for (const migration of pending) await apply(connection, migration, report);
    return pending.length; // the lock goes with the connection
  });
}

/** How many migrations of a folder a database still lacks. Changes nothing. */
export async function countPending(target: DatabaseTarget, folder: string): Promise<number> {
  return withConnection(target, async (connection) => {
    if ((await findPending(connection, folder)).length === 0) return 0;
    await settle(connection);
    return (await findPending(connection, folder)).length;
  });
}

/**
 * The migrations that are not noted as applied. A note never goes away; that one is missing is certain only on a connection
 * with `settle`'s settings, since a node of a cluster may lag behind. So most starts ask this once and nothing else.
 */
async function findPending(connection: Connection, folder: string): Promise<MigrationMeta[]> {
  const applied = await notedMigrations(connection);
  return readMigrationFiles({ migrationsFolder: folder }).filter(
    ({ folderMillis }) => !applied.has(folderMillis),
  );
}

async function apply(connection: Connection, migration: MigrationMeta, report: Report): Promise<void> {
  for (const statement of migration.sql) {
    try {
      await changeTables(connection, statement, report);
    } catch (error) {
      if (!ALREADY_DONE.has(databaseFailure(error)?.errno ?? 0)) throw error;
    }
  }
  const done = [migration.hash, migration.folderMillis];
  const note = "INSERT INTO `__drizzle_migrations` (`hash`, `created_at`) VALUES (?, ?)";
  await changeTables(connection, connection.format(note, done), report);
}

/** Settings that one engine or the other has. To change a large table takes longer than a server may allow a statement. */
const SOMEWHERE = [
  CAUSAL_READS,
  SHORT_WAIT,
  "SET SESSION max_statement_time = 0",
  "SET SESSION max_execution_time = 0",
];

/** Gives a connection the settings that every change needs. */
async function settle(connection: Connection): Promise<void> {
  for (const setting of SESSION_SETTINGS) await connection.query(setting);
  for (const setting of SOMEWHERE)
    await connection.query(setting).catch((error) => {
      if (!isUnknownVariable(error)) throw error;
    });
}
