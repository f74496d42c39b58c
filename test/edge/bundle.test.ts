import { beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../support/process.ts";

const ROOT = join(import.meta.dir, "..", "..");
/** Cloudflare takes 3 MB gzipped on its free plan. A third of this is the list of common passwords. */
const CEILING_KB = { whole: 1900, gzipped: 720 };

let said: string;
beforeAll(async () => {
  const { exitCode, stderr, stdout } = await run("scripts/buildEdge.ts", {});
  said = stderr + stdout;
  expect([exitCode, said]).toEqual([0, said]);
});

test("the bundle for the edge says its size, which has a ceiling", async () => {
  const bytes = await Bun.file(join(ROOT, "dist/edge/worker.js")).bytes();
  const [whole, gzipped] = [bytes.length, Bun.gzipSync(bytes).length].map((size) => Math.ceil(size / 1000));
  expect(said).toContain(`worker.js, argon2.wasm in dist/edge: ${whole} KB, ${gzipped} KB gzipped`);
  expect(whole).toBeLessThanOrEqual(CEILING_KB.whole);
  expect(gzipped).toBeLessThanOrEqual(CEILING_KB.gzipped);
});

test("it imports nothing but its WebAssembly and what workerd has of Node", async () => {
  const text = await Bun.file(join(ROOT, "dist/edge/worker.js")).text();
  const { imports } = new Bun.Transpiler().scan(text);
  const names = new Set(imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => path));
  const node = ["crypto", "events", "module", "util"].map((name) => `node:${name}`);
  expect([...names].sort()).toEqual(["./argon2.wasm", ...node]);
});

test("docs/wrangler.jsonc is what wrangler takes, and uploads the bundle as it is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-wrangler-"));
  try {
    const wrangler = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
    const options = ["deploy", "--dry-run", "--config", "docs/wrangler.jsonc", "--outdir", folder];
    // With Bun in place of Node, of which it wants a newer one than some have.
    const child = Bun.spawn([process.execPath, "--bun", wrangler, ...options], {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? "", HOME: folder, CI: "1", WRANGLER_SEND_METRICS: "false" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
    expect([await child.exited, output]).toEqual([0, output]);
    expect(output).not.toMatch(/warn/i);
    for (const name of ["env.HYPERDRIVE", "argon2.wasm", "--dry-run: exiting now."])
      expect(output).toContain(name);
    for (const file of ["worker.js", "argon2.wasm"])
      expect(Bun.hash(await Bun.file(join(folder, file)).bytes())).toBe(
        Bun.hash(await Bun.file(join(ROOT, "dist/edge", file)).bytes()),
      );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
