import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, parseConfig } from "../config.ts";

/** Where the reviewed SQL is, in a checkout and in the image alike. */
export const migrationsFolder = join(import.meta.dir, "..", "..", "drizzle");

/**
 * The configuration of this process: the environment, which Bun has filled from `.env`, and outside production a
 * signing secret of our own making where none is given.
 * @throws ConfigError
 */
export function loadConfig(environment: Record<string, string | undefined>): Config {
  const own = environment.JWT_SECRET_KEY_FILE || environment.JWT_SECRET_KEY || environment.SECRET_KEY;
  const made =
    own || environment.NODE_ENV === "production"
      ? {}
      : { JWT_SECRET_KEY: keptSecret(environment.DATA_DIR || ".data") };
  return parseConfig({ ...environment, ...made }, (path) => readFileSync(path, "utf8"));
}

/** A random secret that outlives restarts, so that nobody is logged out by one. Readable by its owner only. */
function keptSecret(dataFolder: string): string {
  const file = join(dataFolder, "jwt-secret");
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString("base64url");
  try {
    writeFileSync(file, secret, { mode: 0o600, flag: "wx" }); // the first of two starts at once decides
  } catch {
    return readFileSync(file, "utf8");
  }
  return secret;
}
