import { expect, test } from "bun:test";
import { TEST_SECRET } from "../support/app.ts";
import { databaseUrl, emptyDatabase, migratedDatabase } from "../support/database.ts";

/** Takes the first byte of a command's output when it comes, the rest a second later; its exit code goes to standard error. */
const SLOWLY = '{ "$@"; echo "exit code $?" >&2; } | { dd bs=1 count=1 2> /dev/null; sleep 1; cat; }';

test("user list --json is complete also for a reader that takes its time", async () => {
  const { target, pool } = await migratedDatabase();
  const names = Array.from({ length: 5_000 }, (_, n) => `somebody-${n}`);
  await pool.query("INSERT INTO user (username, created_at, updated_at) VALUES ?", [
    names.map((name) => [name, "2026-01-01 00:00:00", "2026-01-01 00:00:00"]),
  ]);
  const command = [process.execPath, "--no-env-file", "run", "src/commands/user.ts", "list", "--json"];
  const child = Bun.spawn(["sh", "-c", SLOWLY, "sh", ...command], {
    env: { PATH: process.env.PATH ?? "", DATABASE_URL: databaseUrl(target), JWT_SECRET_KEY: TEST_SECRET },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect(stdout.length).toBeGreaterThan(400_000); // several times what a pipe holds
  expect(stdout.endsWith("\n")).toBe(true);
  const listed = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).username);
  expect(listed).toEqual(names);
  expect(stderr).toBe("exit code 0\n");
});

test("a command keeps its exit code when its reader ends, and says when its output could not be written", async () => {
  const { target } = await migratedDatabase();
  const env = { PATH: process.env.PATH ?? "", JWT_SECRET_KEY: TEST_SECRET };
  const shell = async (script: string, file: string, DATABASE_URL: string, ...args: string[]) => {
    const command = [process.execPath, "--no-env-file", "run", `src/commands/${file}.ts`, ...args];
    const child = Bun.spawn(["sh", "-c", script, "sh", ...command], {
      env: { ...env, DATABASE_URL },
      stdio: ["ignore", "ignore", "pipe"],
    });
    await child.exited;
    return new Response(child.stderr).text();
  };
  const ended = '{ "$@"; echo "exit code $?" >&2; } | true';
  const full = '"$@" > /dev/full; echo "exit code $?" >&2';
  const empty = databaseUrl(await emptyDatabase()); // nothing to take over
  expect(await shell(ended, "takeoverCheck", empty)).toBe("exit code 1\n");
  expect(await shell(full, "user", databaseUrl(target), "list", "--json")).toBe("exit code 0\n"); // it has nothing to say
  const told = "the output could not be written: ENOSPC\n";
  expect(await shell(full, "takeoverCheck", empty)).toBe(`${told}exit code 2\n`);
});
