import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";
import { files, importsOf, SRC, source } from "../support/imports.ts";

/** What each folder of the portable code may import from outside of the house: none of it is a runtime's. */
const ALLOWED: Record<string, RegExp> = {
  app: /^hono(\/request-id)?$/,
  client: /^hono(\/client)?$/,
  api: /^(hono|hono-openapi|zod)$/,
  http: /^(hono(\/body-limit|\/cors|\/http-exception|\/jwt|\/method-not-allowed|\/route)?|hono-openapi|@hono\/zod-validator|zod)$/,
  auth: /^(@zxcvbn-ts\/language-common|mysql2\/promise|uuid|zod)$/,
  db: /^(drizzle-orm(\/migrator|\/mysql-core|\/mysql2)?|mysql2\/promise)$/,
  config: /^zod$/,
  errors: /^$/,
};

const outside = (file: string) => importsOf(file).filter((specifier) => !specifier.startsWith("."));

test("portable code imports what its folder may, and no runtime", () => {
  const wrong = files.flatMap((file) => {
    const folder = file.replace(/\.ts$/, "").split("/")[0] ?? "";
    const allowed = ALLOWED[folder];
    return allowed
      ? outside(file)
          .filter((name) => !allowed.test(name))
          .map((name) => `${file}: ${name}`)
      : [];
  });
  expect(wrong).toEqual([]);
});

test("what the entry for workerd reaches imports of a runtime only what workerd has too", () => {
  const reached = new Set<string>();
  const follow = (file: string) => {
    if (reached.has(file) || !file.endsWith(".ts")) return;
    reached.add(file);
    for (const name of importsOf(file))
      if (name.startsWith(".")) follow(relative(SRC, join(SRC, dirname(file), name)));
  };
  follow("runtime/workerd.ts");
  const inRuntime = [...reached].filter((file) => file.startsWith("runtime/"));
  expect(inRuntime.length).toBeGreaterThan(5);
  const names = new Set(inRuntime.flatMap(outside));
  const ours = ["@phi-ag/argon2/argon2.wasm", "hono", "mysql2/promise"];
  expect([...names].sort()).toEqual([...ours, "node:crypto", "node:util"].sort());
  const wrong = inRuntime.filter((file) => /\b(Bun|process|Buffer|require)\b[.(]/.test(source(file)));
  expect(wrong).toEqual([]);
});
