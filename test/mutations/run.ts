import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { areas, type Mutation } from "./list.ts";

// Takes the code behind each security statement away, in a copy of the checkout, and expects its test to fail.
// bun test/mutations/run.ts [part of a statement, an area or a file]; exit code 1 if any mutation survives.

const ROOT = join(import.meta.dir, "..", "..");
const say = (line: string) => process.stdout.write(`${line}\n`);

/** The checkout's files that git knows or would take, with the packages and the database server it has fetched. */
async function copyCheckout(copy: string): Promise<void> {
  const files = await Bun.$`git ls-files -coz --exclude-standard`.cwd(ROOT).text();
  for (const file of files.split("\0").filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
    goOn();
    await mkdir(dirname(join(copy, file)), { recursive: true });
    await cp(join(ROOT, file), join(copy, file));
  }
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const data = join(ROOT, ".data");
  await mkdir(join(copy, ".data"), { mode: 0o700 });
  for (const name of existsSync(data) ? await readdir(data) : []) {
    if (name.startsWith("mariadb")) await symlink(join(data, name), join(copy, ".data", name));
    // Not a link: servers start on copies of it, and a copied link would have them write to the original.
    if (/^template-[\w.-]+$/.test(name) && !name.includes(".new-"))
      await cp(join(data, name), join(copy, ".data", name), { recursive: true });
  }
}

let running: Bun.Subprocess | undefined;
let stopped = false;
const goOn = () => {
  if (stopped) throw new Error("stopped");
};

/** Runs an entry's tests. @returns the first that failed; undefined if all passed, and some did run */
async function firstFailure(copy: string, { test, testName }: Mutation): Promise<string | undefined> {
  goOn();
  const name = testName === undefined ? [] : ["-t", testName.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")];
  const command = [
    process.execPath,
    "test",
    "--timeout",
    "60000",
    ...test.map((file) => `./${file}`),
    ...name,
  ];
  const { FORCE_COLOR: _, ...env } = process.env; // its codes would stand before what is looked for
  const child = Bun.spawn(command, { cwd: copy, env, stdout: "ignore", stderr: "pipe", timeout: 120_000 });
  running = child;
  const output = await new Response(child.stderr).text();
  const exitCode = await child.exited;
  goOn();
  if (exitCode === 0) return undefined;
  return (
    /^\(fail\) (.*?)( \[[\d.]+ms\])?$/m.exec(output)?.[1] ?? `not by a test: ${output.trim().slice(-300)}`
  );
}

/** @returns what is wrong with the entry, undefined if it was killed; says so in a line of the table */
async function tryOne(copy: string, one: Mutation, passing: Map<string, boolean>): Promise<boolean> {
  const result = (killed: boolean, why: string) => {
    say(`${killed ? "killed  " : "SURVIVED"}  ${one.statement}\n            ${why}`);
    return killed;
  };
  const path = join(copy, one.file);
  const source = existsSync(path) ? await Bun.file(path).text() : "";
  const found = source.split(one.find).length - 1;
  if (found !== 1)
    return result(false, `the text to change occurs ${found} times in ${one.file}: ${one.find}`);
  const tests = JSON.stringify([one.test, one.testName]);
  if (!passing.has(tests)) {
    const failure = await firstFailure(copy, one);
    if (failure) say(`unmutated, it fails: ${failure}`);
    passing.set(tests, failure === undefined);
  }
  if (!passing.get(tests)) return result(false, `its tests fail without a change: ${tests}`);
  await Bun.write(
    path,
    source.replace(one.find, () => one.replace),
  );
  const failure = await firstFailure(copy, one);
  await Bun.write(path, source);
  const byTest = failure !== undefined && !failure.startsWith("not by a test");
  return result(byTest, byTest ? `by: ${failure}` : (failure ?? `${one.file}, tried with ${tests}`));
}

const filter = (process.argv[2] ?? "").toLowerCase();
const chosen = Object.entries(areas).flatMap(([area, list]) =>
  list.filter(({ statement, file }) => `${area} ${statement} ${file}`.toLowerCase().includes(filter)),
);
const document = await Bun.file(join(ROOT, "docs/security.md")).text();
const unlisted = chosen.filter(({ statement }) => !document.includes(statement));
for (const { statement } of unlisted) say(`not in docs/security.md: ${statement}`);

const copy = await mkdtemp(join(tmpdir(), "latchkey-mutations-"));
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    stopped = true; // the copy is large, and has to go
    running?.kill("SIGTERM");
  });
const survived: string[] = [];
try {
  await copyCheckout(copy);
  const passing = new Map<string, boolean>();
  for (const one of chosen) if (!(await tryOne(copy, one, passing))) survived.push(one.statement);
} finally {
  await rm(copy, { recursive: true, force: true });
}
say(`\n${chosen.length - survived.length} killed, ${survived.length} not`);
for (const statement of survived) say(`  ${statement}`);
process.exitCode = survived.length + unlisted.length > 0 || chosen.length === 0 ? 1 : 0;
