import { join } from "node:path";

/** The compiler's complaints about a project (a folder or its `tsconfig.json`): file, line, and number. */
export async function compile(
  project: string,
  version: "typescript" | "typescript5" = "typescript",
  options: string[] = [],
): Promise<string[]> {
  const program = join(import.meta.dir, "../../node_modules", version, "bin/tsc");
  const tsc = Bun.spawn([process.execPath, program, "--project", project, "--pretty", "false", ...options], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await new Response(tsc.stdout).text();
  await tsc.exited;
  return [...output.matchAll(/^(?:.*?([\w.]+\.ts)\((\d+),\d+\): )?error (TS\d+)/gm)].map(
    ([, file = "", line = "", code]) => `${file}:${line} ${code}`,
  );
}
