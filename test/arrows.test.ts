import { expect, test } from "bun:test";
import { dirname, join, relative } from "node:path";
import { files, importsOf, SRC, source } from "./support/imports.ts";

/** The house: each layer may import itself and those after it. */
const LAYERS = ["app", "api", "http", "auth", "db"];
/** Whoever may be imported by all, and imports none of them. */
const LEAVES = ["config", "errors"];

/** Where something begins: a process, or (the client) somebody else's program. */
const ENTRIES = ["index", "commands", "client"];

/** `app`, `api`, … of a file below src; entries are `index`, `commands`, and that of workerd. */
const layerOf = (file: string) =>
  file === "runtime/workerd.ts" ? "index" : (file.replace(/\.ts$/, "").split("/")[0] as string);

const inside = (file: string) =>
  importsOf(file)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => relative(SRC, join(SRC, dirname(file), specifier)))
    .filter((target) => target !== "../package.json"); // its version

function allowed(from: string, to: string): boolean {
  if (from === to || LEAVES.includes(to)) return true;
  if (LEAVES.includes(from)) return false;
  if (from === "runtime") return ["auth", "db"].includes(to);
  if (LAYERS.includes(from)) return LAYERS.indexOf(to) > LAYERS.indexOf(from);
  return ENTRIES.includes(from); // which may import anything
}

test("imports point one way: index → app → api → http → auth → db", () => {
  expect(files.length).toBeGreaterThan(20);
  const wrong = files.flatMap((file) =>
    inside(file)
      .filter((target) => !allowed(layerOf(file), layerOf(target)))
      .map((target) => `${file} imports ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("only runtime and the entries know a runtime", () => {
  const wrong = files
    .filter((file) => !["runtime", "index", "commands"].includes(layerOf(file)))
    .filter(
      (file) =>
        importsOf(file).some((name) => /^(node:|bun|hono\/bun)/.test(name)) ||
        /\b(Bun|process|Buffer)\.\w/.test(source(file)),
    );
  expect(wrong).toEqual([]);
});

test("only entries read the environment, and importing any other module does nothing", () => {
  const wrong = files
    .filter((file) => !["index", "commands"].includes(layerOf(file)))
    .filter((file) => /process\.env|Bun\.env|import\.meta\.env/.test(source(file)));
  expect(wrong).toEqual([]);
});

test("only the wrapper imports zValidator", () => {
  expect(files.filter((file) => importsOf(file).includes("@hono/zod-validator"))).toEqual([
    "http/validate.ts",
  ]);
});

test("files are short: none over 200 lines, the median under 80", () => {
  const lengths = files.map((file) => source(file).split("\n").length).sort((a, b) => a - b);
  expect(lengths.at(-1)).toBeLessThanOrEqual(200);
  expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(80);
});
