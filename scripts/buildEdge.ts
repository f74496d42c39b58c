import { join } from "node:path";
import { tell } from "../src/runtime/tell.ts";
import { bundleForWorkerd } from "./bundleForWorkerd.ts";

// bun run build:edge: what is deployed to a Workers runtime, in dist/edge/. See docs/edge.md.

const root = join(import.meta.dir, "..");
const { script, files } = await bundleForWorkerd(
  join(root, "src/runtime/workerd.ts"),
  join(root, "dist/edge"),
);
const kb = (bytes: number) => `${Math.ceil(bytes / 1000)} KB`;
const bytes = await Bun.file(script).bytes();
tell(`${files.join(", ")} in dist/edge: ${kb(bytes.length)}, ${kb(Bun.gzipSync(bytes).length)} gzipped`);
