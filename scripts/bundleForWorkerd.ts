import { copyFileSync, mkdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, join } from "node:path";
import type { BunPlugin } from "bun";

/** A bundle and what is beside it: `worker.js`, and the WebAssembly that it imports. */
export interface EdgeBundle {
  script: string;
  files: string[];
}

/**
 * Makes one module of an entry for workerd, which compiles no WebAssembly from bytes and resolves no packages.
 * @param folder where it goes; made if need be
 * @throws AggregateError with what could not be resolved
 */
export async function bundleForWorkerd(entry: string, folder: string): Promise<EdgeBundle> {
  mkdirSync(folder, { recursive: true });
  const files = new Set(["worker.js"]);
  const plugin: BunPlugin = {
    name: "workerd",
    setup(build) {
      build.onResolve({ filter: /\.wasm$/ }, ({ path, importer }) => {
        const name = basename(path);
        copyFileSync(Bun.resolveSync(path, importer), join(folder, name));
        files.add(name);
        return { path: `./${name}`, external: true };
      });
      // `target: "browser"` would put its own substitutes in their place.
      build.onResolve({ filter: NODE_BUILT_IN }, ({ path }) => ({
        path: path.startsWith("node:") ? path : `node:${path}`,
        external: true,
      }));
    },
  };
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    outdir: folder,
    naming: "worker.js",
    target: "browser",
    format: "esm",
    banner: REQUIRE,
    conditions: ["workerd", "worker"],
    minify: { syntax: true, whitespace: true },
    plugins: [plugin],
  });
  return { script: outputs[0]?.path ?? "", files: [...files] };
}

/** For the driver's `require("node:net")` and the like, which an ES module has no other way to. */
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire("/");';

const NODE_BUILT_IN = new RegExp(
  `^(node:.*|${builtinModules.filter((name) => !/^(bun|ws$|undici$|_)/.test(name)).join("|")})$`,
);
