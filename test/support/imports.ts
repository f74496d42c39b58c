import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the service's source is. */
export const SRC = join(import.meta.dir, "..", "..", "src");

/** Every file of it, below SRC. */
export const files = [...new Bun.Glob("**/*.ts").scanSync(SRC)];

export const source = (file: string): string => readFileSync(join(SRC, file), "utf8");

/** Everything a file imports or exports from, types included. */
export const importsOf = (file: string): string[] =>
  [...source(file).matchAll(/(?:^|[\s;}])(?:from|import)\s*\(?\s*["']([^"'\s]+)["']/g)].map(
    ([, specifier]) => specifier as string,
  );
