import { z } from "zod";
import { LOG_LEVELS, onOff, origins, timeZone, whole } from "./values.ts";

const YEAR_SECONDS = 366 * 24 * 60 * 60;

/** Every variable that is read, and how. */
export const variables = z.object({
  NODE_ENV: z
    .string()
    .toLowerCase()
    .pipe(z.enum(["development", "test", "production"], "must be development, test or production"))
    .default("development"),
  HOST: z.string().default("127.0.0.1"),
  PORT: whole(5000, 0, 65_535),
  METRICS_PORT: whole(0, 0, 65_535),
  METRICS_HOST: z.string().optional(),
  DRAIN_SECONDS: whole(0, 0, 300),
  TZ: timeZone().optional(),
  CORS_ORIGINS: origins(),
  DOCS: onOff().optional(),
  TRUSTED_HOPS: whole(0, 0, 32),
  FORWARDED_HEADER: z
    .string()
    .toLowerCase()
    .pipe(z.enum(["x-forwarded-for", "forwarded"], "must be X-Forwarded-For or Forwarded"))
    .default("x-forwarded-for"),
  LOG_LEVEL: z.enum(LOG_LEVELS, "must be trace, debug, info, warn, error or silent").default("info"),
  DATA_DIR: z.string().default(".data"),
  DATABASE_URL: z.string().optional(),
  MYSQL_USER_NAME: z.string().optional(),
  MYSQL_USER_PASSWORD: z.string().optional(),
  MYSQL_HOSTNAME: z.string().optional(),
  MYSQL_PORT: whole(3306, 1, 65_535),
  MYSQL_DATABASE_NAME: z.string().optional(),
  DATABASE_TLS: onOff().default(false),
  DATABASE_TLS_CA_FILE: z.string().optional(),
  DATABASE_TLS_VERIFY_NAME: onOff().default(true),
  DATABASE_POOL_SIZE: whole(10, 2, 1000),
  MIGRATE_ON_START: onOff().default(true),
  JWT_SECRET_KEY: z.string().optional(),
  JWT_SECRET_KEY_PREVIOUS: z.string().optional(),
  JWT_SECRET_KEY_PREVIOUS_FILE: z.string().optional(),
  JWT_SECRET_KEY_FILE: z.string().optional(),
  ACCEPT_WEAK_SECRET: onOff().default(false),
  SECRET_KEY: z.string().optional(),
  JWT_ACCESS_TOKEN_EXPIRES: whole(2 * 60 * 60, 1, YEAR_SECONDS),
  JWT_REFRESH_TOKEN_EXPIRES: whole(30 * 24 * 60 * 60, 1, YEAR_SECONDS),
  REFRESH_RETRY_SECONDS: whole(30, 0, 3600),
  PASSWORD_MIN_LENGTH: whole(8, 1, 128),
  PASSWORD_FORMAT: z.enum(["argon2id", "werkzeug"], "must be argon2id or werkzeug").default("argon2id"),
  ARGON2_MEMORY_KIB: whole(19_456, 8, 262_144),
  ARGON2_TIME_COST: whole(2, 1, 32),
  HASH_CONCURRENCY: whole(0, 0, 1024),
  HASH_QUEUE_LIMIT: whole(100, 0, 100_000),
  LOGIN_FAILURES_PER_ACCOUNT: whole(10, 1, 1_000_000),
  LOGIN_FAILURES_PER_CLIENT: whole(100, 1, 1_000_000),
  REGISTRATIONS_PER_CLIENT: whole(100, 1, 1_000_000),
  THROTTLE_WINDOW_SECONDS: whole(900, 1, 86_400),
  PURGE_INTERVAL_SECONDS: whole(600, 1, 86_400),
});

export type VariableName = keyof typeof variables.shape;

/** The names that are read, for the README's table to be checked against, and for the help. */
export const variableNames = Object.keys(variables.shape) as VariableName[];

/** What a variable is when it is not set, as it would be written; empty if it is nothing. */
export function defaultOf(name: VariableName): string {
  const value: unknown = variables.shape[name].parse(undefined);
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value ?? "");
}
