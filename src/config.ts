import { type DatabaseTarget, databaseTarget } from "./config/database.ts";
import { AFTER_TAKEOVER, previousSigningSecrets, signingSecret, weakSecret } from "./config/secrets.ts";
import { machineTimeZone } from "./config/values.ts";
import { variables } from "./config/variables.ts";

/** What latchkey runs with. Units stand in the names. */
export interface Config {
  production: boolean;
  host: string;
  port: number;
  /** Where `GET /metrics` is served instead of beside the rest; undefined: there. */
  metrics: { host: string; port: number } | undefined;
  /** How long it goes on serving, no longer ready, before it closes its port. */
  drainSeconds: number;
  /** IANA zone of `created_at` and `updated_at`. */
  timeZone: string;
  corsOrigins: "*" | string[];
  /** Whether `/docs` and `/openapi.json` are served. */
  docs: boolean;
  /** Proxies in front of this service, each of which adds an address to the header. */
  trustedHops: number;
  forwardedHeader: "x-forwarded-for" | "forwarded";
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
  /** In a window: failed logins to an account, failed logins from a client, registrations from a client. */
  loginFailuresPerAccount: number;
  loginFailuresPerClient: number;
  registrationsPerClient: number;
  throttleWindowSeconds: number;
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

/** The environment is parsed once: not worth compiling a parser for. */
const ONCE = { jitless: true };

type Environment = Record<string, string | undefined>;

/**
 * Reads the environment. An empty variable counts as absent, as a compose file writes it.
 * @param readFile gives a file's text (the CA); its error becomes a problem
 * @throws ConfigError that lists every problem; never a value of a secret
 */
export function parseConfig(environment: Environment, readFile: (path: string) => string): Config {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const problems: string[] = [];
  const parsed = variables.safeParse(present, ONCE);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`));
  }
  // The remaining checks go on with what could be read, so that one run shows every problem.
  const good = { ...present } as Environment;
  for (const issue of parsed.error?.issues ?? []) delete good[String(issue.path[0])];
  const read = parsed.data ?? variables.parse(good, ONCE);

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
  const unread = jwtSecretKey === undefined && read.JWT_SECRET_KEY_FILE !== undefined; // and that has been said
  if (weakness && !accepted && !unread) problems.push(`JWT_SECRET_KEY ${weakness}`);
  const warnings: string[] = [];
  for (const name of ["JWT_SECRET_KEY", "JWT_SECRET_KEY_PREVIOUS"] as const)
    if (read[name] !== undefined && read[`${name}_FILE`] !== undefined)
      warnings.push(`${name} is not read, since ${name}_FILE is set`);
  if (weakness && production) warnings.push(`JWT_SECRET_KEY ${weakness}. ${AFTER_TAKEOVER}`);
  const previousSecrets = previousSigningSecrets(read, readFile, problems);
  for (const previous of previousSecrets) {
    const fault = weakSecret(previous);
    if (!fault || !production) continue;
    if (read.ACCEPT_WEAK_SECRET) warnings.push(`JWT_SECRET_KEY_PREVIOUS ${fault}. ${AFTER_TAKEOVER}`);
    else problems.push(`JWT_SECRET_KEY_PREVIOUS ${fault}`);
  }
  const metrics = read.METRICS_PORT
    ? { host: read.METRICS_HOST ?? read.HOST, port: read.METRICS_PORT }
    : undefined;
  if (metrics?.port === read.PORT && metrics.host === read.HOST)
    problems.push("METRICS_PORT must be another port than PORT");
  if (problems.length > 0) throw new ConfigError(problems);

  return Object.freeze({
    production,
    host: read.HOST,
    port: read.PORT,
    metrics,
    drainSeconds: read.DRAIN_SECONDS,
    get timeZone() {
      read.TZ ??= machineTimeZone(); // when it is first needed, which is after the start
      return read.TZ;
    },
    corsOrigins: read.CORS_ORIGINS,
    docs: read.DOCS ?? !production,
    trustedHops: read.TRUSTED_HOPS,
    forwardedHeader: read.FORWARDED_HEADER,
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
    loginFailuresPerAccount: read.LOGIN_FAILURES_PER_ACCOUNT,
    loginFailuresPerClient: read.LOGIN_FAILURES_PER_CLIENT,
    registrationsPerClient: read.REGISTRATIONS_PER_CLIENT,
    throttleWindowSeconds: read.THROTTLE_WINDOW_SECONDS,
    purgeIntervalSeconds: read.PURGE_INTERVAL_SECONDS,
  });
}
