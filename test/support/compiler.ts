/** The compiler's complaints about a folder: file, line, and number. */
export async function compile(project: string): Promise<string[]> {
  const tsc = Bun.spawn([process.execPath, "x", "tsc", "--project", project, "--pretty", "false"], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await new Response(tsc.stdout).text();
  await tsc.exited;
  return [...output.matchAll(/([\w.]+\.ts)\((\d+),\d+\): error (TS\d+)/g)].map(
    ([, file, line, code]) => `${file}:${line} ${code}`,
  );
}
