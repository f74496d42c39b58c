/** Takes one line of progress, for a human. */
export type Report = (line: string) => void;

export interface Outcome {
  ok: boolean;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** The whole environment of the child; inherited when left out. */
  env?: Record<string, string>;
  stdin?: string;
  /** Milliseconds until the command is killed and counts as failed. */
  timeout?: number;
}

/** Runs a command to its end. Never throws for a command that fails; it does for one that cannot be started. */
export async function run(command: string[], options: RunOptions = {}): Promise<Outcome> {
  const child = Bun.spawn(command, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: options.timeout ?? 60_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { ok: code === 0, stdout, stderr };
}

/** The full path of a program on `path` (the process's own PATH when undefined), or undefined. */
export function findProgram(name: string, path: string | undefined): string | undefined {
  return (path === undefined ? Bun.which(name) : Bun.which(name, { PATH: path })) ?? undefined;
}

/** Says what is going on once it has lasted 0.7 s, then every 2 s until it ends. */
export async function withProgress<T>(report: Report, what: string, work: Promise<T>): Promise<T> {
  const begin = performance.now();
  const first = setTimeout(() => report(`${what} …`), 700);
  const ticks = setInterval(
    () => report(`${what} … ${Math.round((performance.now() - begin) / 1000)} s`),
    2000,
  );
  try {
    return await work;
  } finally {
    clearTimeout(first);
    clearInterval(ticks);
  }
}

/** The last lines of a text, for an error message. */
export function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-12).join("\n");
}
