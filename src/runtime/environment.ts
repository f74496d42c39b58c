import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, parseConfig } from "../config.ts";

/** Where the reviewed SQL is: at the root of a checkout, or beside all the code inside of the built program. */
export const migrationsFolder = join(
  import.meta.dir,
  import.meta.file === "environment.ts" ? "../../drizzle" : "drizzle",
);

/**
 * The configuration of this process: the environment, which Bun has filled from `.env`, and outside production a
 * signing secret of our own making where none is given.
 * @throws ConfigError; Error that names the file, where such a secret can not be kept or is damaged
 */
export function loadConfig(environment: Record<string, string | undefined>): Config {
  const own = environment.JWT_SECRET_KEY_FILE || environment.JWT_SECRET_KEY || environment.SECRET_KEY;
  const made =
    own || environment.NODE_ENV?.toLowerCase() === "production"
      ? {}
      : { JWT_SECRET_KEY: keptSecret(environment.DATA_DIR || ".data") };
  return parseConfig({ ...environment, ...made }, readText);
}

/** A file's text. @throws if it cannot be read or is not UTF-8: a secret must not be used that was not understood */
export const readText = (path: string): string =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path));

/**
 * A random secret that outlives restarts, so that they log nobody out. Readable by its owner only. It appears whole or not
 * at all, and of several starts at once the first decides.
 * @throws Error that names the file, if it cannot be kept or is not whole
 */
function keptSecret(dataFolder: string): string {
  const file = join(dataFolder, "jwt-secret");
  let kept: string;
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    if (!existsSync(file))
      writeOnce(file, Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString("base64url"));
    kept = readText(file);
  } catch (error) {
    const { code } = error as { code?: string };
    throw new Error(`no signing secret can be kept in ${file} (${code}): set JWT_SECRET_KEY or DATA_DIR`);
  }
  if (/^[\w-]{64}$/.test(kept)) return kept;
  throw new Error(
    `the signing secret in ${file} is damaged: restore it, or remove it, and everybody logs in again`,
  );
}

/** Puts a whole file into place, unless somebody else's is there by now. */
function writeOnce(file: string, text: string): void {
  const whole = `${file}.${crypto.randomUUID()}`;
  writeFileSync(whole, text, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(whole, file);
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  } finally {
    rmSync(whole);
  }
}
