import { dirname, join } from "node:path";
import { answerOf, verbs } from "./app.ts";
import { until } from "./until.ts";

export { until } from "./until.ts";

const ROOT = join(import.meta.dir, "..", "..");

/** The real program, running. */
export interface Running {
  process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  origin: string;
  /** Everything said so far. */
  stdout: (() => string) & { ended: () => boolean };
  stderr: () => string;
}

/**
 * Runs a script of the checkout, or a program that was built, with exactly this environment (and what any process needs).
 * Not that of the checkout's `.env`, which may name a database that is somebody's.
 */
export function spawn(script: string, env: Record<string, string>, args: string[] = []) {
  const isProgram = !script.endsWith(".ts");
  const command = isProgram ? [script] : [process.execPath, "--no-env-file", "run", script];
  const child = Bun.spawn([...command, ...args], {
    cwd: isProgram ? dirname(script) : ROOT,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      TMPDIR: process.env.TMPDIR ?? "/tmp",
      ...env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return { process: child, stdout: collect(child.stdout), stderr: collect(child.stderr) };
}

/** Starts the service and waits until it listens. */
export async function startService(env: Record<string, string>, script = "src/index.ts"): Promise<Running> {
  const running = spawn(script, { PORT: "0", ...env });
  const origin = await until(
    () => /"address":"(http:[^"]+)"[^\n]*"listening"/.exec(running.stdout())?.[1],
    () => `the service did not start: ${running.stdout()}${running.stderr()}`,
    running.process.exited,
  );
  return { ...running, origin };
}

/** The short forms of requests, sent to a running service. */
export const over = ({ origin }: Running) =>
  verbs(async (method, path, init) => answerOf(await fetch(origin + path, { method, ...init })));

/** Runs a script to its end. */
export async function run(script: string, env: Record<string, string>, args: string[] = []) {
  const running = spawn(script, env, args);
  const exitCode = await running.process.exited;
  await until(
    () => running.stderr.ended() && running.stdout.ended(),
    () => "output did not end",
  );
  return { exitCode, stdout: running.stdout(), stderr: running.stderr() };
}

/** What a stream said so far, and whether it has ended. */
export function collect(stream: ReadableStream<Uint8Array>) {
  let text = "";
  let ended = false;
  (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
    ended = true;
  })();
  return Object.assign(() => text, { ended: () => ended });
}
