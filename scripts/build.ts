import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { version } from "../package.json";

/** The commands of `package.json` that the image has, by the same names. */
const COMMANDS = ["db:migrate", "user", "takeover:check"];

/**
 * `bun run build [FOLDER]`: makes `latchkey` in `dist/`, one program of the service, its commands, its migrations and Bun,
 * and beside it a `package.json` by which `bun run` knows the commands there too.
 */
async function build(folder: string): Promise<void> {
  const making = join(folder, ".making"); // a folder of its own, since Bun leaves much beside the program
  rmSync(making, { recursive: true, force: true });
  const what = ["src/commands/program.ts", "--asset", "drizzle", `--outfile=${join(making, "latchkey")}`];
  // Bytecode takes the parsing out of a start, splitting what a start does not need. Nothing is minified: names and the
  // lines of the source stand in the stacks that the log gets. A bunfig.toml that lies about is not read.
  const how = ["--compile", "--format=esm", "--bytecode", "--splitting", "--sourcemap=inline"];
  const child = Bun.spawn([process.execPath, "build", ...what, ...how, "--no-compile-autoload-bunfig"], {
    cwd: join(import.meta.dir, ".."),
    stdio: ["ignore", "ignore", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Error("bun build failed");
  renameSync(join(making, "latchkey"), join(folder, "latchkey"));
  rmSync(making, { recursive: true }); // the maps in it are inside of the program as well
  const scripts = Object.fromEntries(COMMANDS.map((name) => [name, `exec ./latchkey ${name}`]));
  const described = { name: "latchkey", version, private: true, scripts };
  await Bun.write(join(folder, "package.json"), `${JSON.stringify(described, null, 2)}\n`);
}

await build(process.argv[2] ?? "dist");
