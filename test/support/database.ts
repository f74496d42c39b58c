import { join } from "node:path";
import { type Connection, createConnection, type Pool } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { connectionOptions, type Database, openDatabase, openPool } from "../../src/db/connection.ts";
import { migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { startEngine, type TestServer } from "./engines/index.ts";

/** The checkout's own data folder, so that a server is fetched once and not per run. */
export const dataFolder = join(import.meta.dir, "..", "..", ".data");

let server: Promise<TestServer> | undefined;
const pools: Pool[] = [];
let databases = 0;

/** The throwaway server of this run, started when a test first needs it. */
export function testServer(): Promise<TestServer> {
  server ??= startEngine(process.env.TEST_ENGINE, dataFolder, (line) =>
    process.stderr.write(`[test database] ${line}\n`),
  );
  return server;
}

/** Ends what the run opened. */
export async function stopTestServer(): Promise<void> {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
  await (await server)?.stop();
  server = undefined;
}

/** A connection with no database chosen, for set-up and for looking at what was stored. */
export async function rootConnection(database = ""): Promise<Connection> {
  const { connection } = await testServer();
  return createConnection({ ...connectionOptions({ ...connection, database }), multipleStatements: true });
}

/** Makes an empty database. */
export async function emptyDatabase(
  options = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
): Promise<DatabaseTarget> {
  const { connection } = await testServer();
  const database = `test_${process.pid}_${++databases}`;
  const root = await rootConnection();
  await root.query(`CREATE DATABASE ${database} ${options}`);
  await root.end();
  return { ...connection, database };
}

/** A database with the schema in place and a pool on it, closed at the end of the run. */
export async function migratedDatabase(): Promise<{ target: DatabaseTarget; pool: Pool; db: Database }> {
  const target = await emptyDatabase();
  await migrate(target, migrationsFolder);
  return { target, ...poolOn(target) };
}

const targets = new WeakMap<Database, DatabaseTarget>();

/** A pool on a database, closed at the end of the run. */
export function poolOn(target: DatabaseTarget): { pool: Pool; db: Database } {
  const pool = openPool(target, 10);
  pools.push(pool);
  const db = openDatabase(pool);
  targets.set(db, target);
  return { pool, db };
}

/** Where the database of `poolOn` is, for another process to reach it; undefined for any other object. */
export const targetOf = (db: Database): DatabaseTarget | undefined => targets.get(db);

/** The target as a `DATABASE_URL`, for a process of its own. */
export function databaseUrl({ user, password, host, port, socketPath, database }: DatabaseTarget): string {
  const place = socketPath ? "localhost" : `${host}:${port}`;
  const socket = socketPath ? `?socket=${encodeURIComponent(socketPath)}` : "";
  return `mysql://${user}:${encodeURIComponent(password)}@${place}/${database}${socket}`;
}
