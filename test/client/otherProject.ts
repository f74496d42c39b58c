import { cp } from "node:fs/promises";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/**
 * Makes a folder outside of the checkout a project of somebody else's. Nothing resolves there but what it has installed: the
 * package that `bun run build:client` makes, and what that one depends on.
 */
export async function makeOtherProject(folder: string): Promise<void> {
  await Bun.write(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const build = Bun.spawn([process.execPath, "run", "build:client", folder], { cwd: ROOT, stderr: "pipe" });
  const told = await new Response(build.stderr).text();
  if ((await build.exited) !== 0) throw new Error(`bun run build:client: ${told}`);
  const [tarball = ""] = /^.*\.tgz$/m.exec(told) ?? [];
  await new Bun.Archive(await Bun.file(tarball).bytes()).extract(join(folder, "unpacked"));
  const installed = join(folder, "node_modules");
  await cp(join(folder, "unpacked/package"), join(installed, "latchkey"), { recursive: true });
  const { dependencies } = await Bun.file(join(installed, "latchkey/package.json")).json();
  for (const name of Object.keys(dependencies))
    await cp(join(ROOT, "node_modules", name), join(installed, name), { recursive: true, dereference: true });
}
