import type { DatabaseTarget } from "../../config/database.ts";
import { type Config, ConfigError, parseConfig } from "../../config.ts";
import { affordable, EDGE_LIMITS } from "./argon2.ts";
import { consoleLog } from "./log.ts";

/** What the platform hands over: variables and secrets, all of them text, and perhaps Hyperdrive's way to a database. */
export interface Bindings {
  HYPERDRIVE?: { host: string; port: number; user: string; password: string; database: string };
  [name: string]: unknown;
}

/**
 * Logins and registrations in an isolate at once, by default. With many more, their hashes would hold up everybody's questions
 * to the database until none is answered in time.
 */
const PLACES = "16";

export type EdgeConfig = Config & { database: DatabaseTarget };

/**
 * The configuration of an isolate: as everywhere, less what it cannot keep.
 * @throws ConfigError with every problem
 */
export function edgeConfig(bindings: Bindings): EdgeConfig {
  const problems: string[] = [];
  const config = parse(
    { HASH_QUEUE_LIMIT: PLACES, ...texts(bindings), ...hyperdrive(bindings.HYPERDRIVE) },
    problems,
  );
  if (config && !config.database) problems.push("a HYPERDRIVE binding or DATABASE_URL is required");
  if (config?.database?.tls)
    problems.push("DATABASE_TLS is not to be had here: leave it to Hyperdrive, which connects by TLS itself");
  if (config?.database?.socketPath) problems.push("DATABASE_URL cannot name a socket here");
  if (config?.passwordFormat === "werkzeug") problems.push("PASSWORD_FORMAT must be argon2id here");
  if (config && !affordable(config.argon2))
    problems.push(
      `ARGON2_MEMORY_KIB must be ${EDGE_LIMITS.memoryKib} at the most here, ARGON2_TIME_COST ${EDGE_LIMITS.timeCost}`,
    );
  if (!config?.database || problems.length > 0) throw new ConfigError(problems);
  return { ...config, database: config.database };
}

/** Writes every problem of a configuration to the log. @throws it again */
export function tellProblems<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError)
      for (const problem of error.problems) consoleLog("error").error({}, `configuration: ${problem}`);
    throw error;
  }
}

function parse(environment: Record<string, string | undefined>, problems: string[]): Config | undefined {
  try {
    return parseConfig(environment, () => {
      throw new Error("there are no files here");
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

const texts = (bindings: Bindings): Record<string, string> =>
  Object.fromEntries(
    Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );

/** Replaces all variables of a database: Hyperdrive has its own TLS to the database, and none to us. */
function hyperdrive(way: Bindings["HYPERDRIVE"]): Record<string, string | undefined> {
  if (!way) return {};
  return {
    DATABASE_URL: undefined,
    DATABASE_TLS: undefined,
    DATABASE_TLS_CA_FILE: undefined,
    MYSQL_HOSTNAME: way.host,
    MYSQL_PORT: String(way.port),
    MYSQL_USER_NAME: way.user,
    MYSQL_USER_PASSWORD: way.password,
    MYSQL_DATABASE_NAME: way.database,
  };
}
