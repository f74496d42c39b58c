import { z } from "zod";
import { type DatabaseTarget, databaseTarget } from "./config/database.ts";
import { AFTER_TAKEOVER, previousSigningSecrets, signingSecret, weakSecret } from "./config/secrets.ts";
import { onOff, origins, timeZone, whole } from "./config/values.ts";

/** What latchkey runs with. Units stand in the names. */
export interface Config {
  production: boolean;
  host: string;
  port: number;
  /** IANA zone of `created_at` and `updated_at`. */
  timeZone: string;
  corsOrigins: "*" | string[];
  /** Whether `/docs` and `/openapi.json` are served. */
  docs: boolean;
  logLevel: string;
  dataFolder: string;
  /** Undefined: none is configured, the local one is to be started. Never so in production. */
  database: DatabaseTarget | undefined;
  databasePoolSize: number;
  migrateOnStart: boolean;
  /** Signs, and verifies. */
  jwtSecretKey: string;
  /** Still verify: a secret was changed, and nobody is to be logged out by it. */
  previousSecrets: string[];
  /** What an operator should be told at every start. */
  warnings: string[];
  accessTokenSeconds: number;
  refreshTokenSeconds: number;
  /** How long a refresh token that was just spent gets the same successor again. */
  refreshRetrySeconds: number;
  /** The least a new password must have, in characters. */
  passwordMinLength: number;
  /** What new hashes look like: `werkzeug` while the seed's service reads the same table. */
  passwordFormat: "argon2id" | "werkzeug";
  argon2: { memoryKib: number; timeCost: number };
  /** Hashes at once; undefined: as many as there are cores. */
  hashConcurrency: number | undefined;
  hashQueueLimit: number;
  purgeIntervalSeconds: number;
}

/** Every problem of a configuration in one error: an operator should not have to find them one start at a time. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: string[]) {
    super(
      `its configuration has ${problems.length} problem(s):\n${problems.map((p) => `  - ${p}`).join("\n")}`,
    );
  }
}

type Environment = Record<string, string | undefined>;

const YEAR_SECONDS = 366 * 24 * 60 * 60;

const variables = z.object({
  NODE_ENV: z
    .string()
    .toLowerCase()
    .pipe(z.enum(["development", "test", "production"], "must be development, test or production"))
    .default("development"),
  HOST: z.string().default("127.0.0.1"),
  PORT: whole(5000, 0, 65_535),
  TZ: timeZone(),
  CORS_ORIGINS: origins(),
  DOCS: onOff().optional(),
  LOG_LEVEL: z
    .enum(
      ["trace", "debug", "info", "warn", "error", "silent"],
      "must be trace, debug, info, warn, error or silent",
    )
    .default("info"),
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
  DATABASE_POOL_SIZE: whole(10, 1, 1000),
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
  PURGE_INTERVAL_SECONDS: whole(600, 1, 86_400),
});

export type VariableName = keyof typeof variables.shape;

/** The names that are read, for the README's table to be checked against. */
export const variableNames = Object.keys(variables.shape) as VariableName[];

/** What a variable is when it is not set, as it would be written; empty if it is nothing. */
export function defaultOf(name: VariableName): string {
  const value: unknown = variables.shape[name].parse(undefined);
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value ?? "");
}

/**
 * Reads the environment. An empty variable counts as absent, as a compose file writes it.
 * @param readFile gives a file's text (the CA); its error becomes a problem
 * @throws ConfigError that lists every problem; never a value of a secret
 */
export function parseConfig(environment: Environment, readFile: (path: string) => string): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const problems: string[] = [];
  const parsed = variables.safeParse(present);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`));
  }
  // The remaining checks go on with what could be read, so that one run shows everything.
  const good = { ...present } as Environment;
  for (const issue of parsed.error?.issues ?? []) delete good[String(issue.path[0])];
  const read = variables.parse(good);

  const production = read.NODE_ENV === "production";
  const database = databaseTarget(read, readFile, problems);
  if (
    !database &&
    production &&
    !problems.some((p) => p.startsWith("DATABASE_URL") || p.startsWith("MYSQL_"))
  ) {
    problems.push("DATABASE_URL (or MYSQL_HOSTNAME and its companions) is required with NODE_ENV=production");
  }
  const jwtSecretKey = signingSecret(read, readFile, problems);
  const weakness = weakSecret(jwtSecretKey);
  const accepted = jwtSecretKey !== undefined && (!production || read.ACCEPT_WEAK_SECRET);
  if (weakness && !accepted) problems.push(`JWT_SECRET_KEY ${weakness}`);
  const warnings: string[] = [];
  if (weakness && production) warnings.push(`JWT_SECRET_KEY ${weakness}. ${AFTER_TAKEOVER}`);
  const previousSecrets = previousSigningSecrets(read, readFile, problems);
  for (const previous of previousSecrets) {
    const fault = weakSecret(previous);
    if (!fault || !production) continue;
    if (read.ACCEPT_WEAK_SECRET) warnings.push(`JWT_SECRET_KEY_PREVIOUS ${fault}. ${AFTER_TAKEOVER}`);
    else problems.push(`JWT_SECRET_KEY_PREVIOUS ${fault}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);

  return Object.freeze({
    production,
    host: read.HOST,
    port: read.PORT,
    timeZone: read.TZ,
    corsOrigins: read.CORS_ORIGINS,
    docs: read.DOCS ?? !production,
    logLevel: read.LOG_LEVEL,
    dataFolder: read.DATA_DIR,
    database,
    databasePoolSize: read.DATABASE_POOL_SIZE,
    migrateOnStart: read.MIGRATE_ON_START,
    jwtSecretKey: jwtSecretKey ?? "",
    previousSecrets,
    warnings,
    accessTokenSeconds: read.JWT_ACCESS_TOKEN_EXPIRES,
    refreshTokenSeconds: read.JWT_REFRESH_TOKEN_EXPIRES,
    refreshRetrySeconds: read.REFRESH_RETRY_SECONDS,
    passwordMinLength: read.PASSWORD_MIN_LENGTH,
    passwordFormat: read.PASSWORD_FORMAT,
    argon2: { memoryKib: read.ARGON2_MEMORY_KIB, timeCost: read.ARGON2_TIME_COST },
    hashConcurrency: read.HASH_CONCURRENCY || undefined,
    hashQueueLimit: read.HASH_QUEUE_LIMIT,
    purgeIntervalSeconds: read.PURGE_INTERVAL_SECONDS,
  });
}
