/** How long a shutdown may take before it is cut off, in milliseconds. */
const LIMIT_MS = 25_000;

/**
 * On SIGTERM or SIGINT runs `drain` once and exits with 0. A second signal, a failed drain or 25 s end the process at
 * once with 1.
 * @returns a function that starts the same with another exit code
 */
export function onShutdown(
  drain: (reason: string) => Promise<void>,
): (reason: string, exitCode: number) => void {
  let started = false;
  const shutdown = (reason: string, exitCode: number) => {
    if (started) process.exit(1);
    started = true;
    setTimeout(() => process.exit(1), LIMIT_MS).unref();
    drain(reason).then(
      () => process.exit(exitCode),
      () => process.exit(1),
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => shutdown(signal, 0));
  return shutdown;
}
