import { rmSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { version } from "../package.json";

/** The commands of `package.json` that the image has, by the same names. */
const COMMANDS = ["db:migrate", "user", "takeover:check"];

/**
 * `bun run build [FOLDER]`: makes `latchkey` in `dist/`, one program of the service, its commands, its migrations and Bun,
 * and beside it a `package.json` by which `bun run` knows the commands there too.
 */
async function build(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const program = join(folder, "latchkey");
  const what = ["src/commands/program.ts", "--asset", "drizzle", `--outfile=${program}`];
  // Bytecode takes the parsing out of a start, splitting what a start does not need. Nothing is minified: names and the
  // lines of the source stand in the stacks that the log gets. A bunfig.toml that lies about is not read.
  const how = ["--compile", "--format=esm", "--bytecode", "--splitting", "--sourcemap=inline"];
  const child = Bun.spawn([process.execPath, "build", ...what, ...how, "--no-compile-autoload-bunfig"], {
    cwd: join(import.meta.dir, ".."),
    stdio: ["ignore", "ignore", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Error("bun build failed");
  for (const map of new Glob("*.map").scanSync(folder)) rmSync(join(folder, map)); // they are inside as well
  const scripts = Object.fromEntries(COMMANDS.map((name) => [name, `exec ./latchkey ${name}`]));
  const described = { name: "latchkey", version, private: true, scripts };
  await Bun.write(join(folder, "package.json"), `${JSON.stringify(described, null, 2)}\n`);
}

await build(process.argv[2] ?? "dist");
