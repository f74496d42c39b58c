import { isUsage } from "./help.ts";
import { startFailure, tell } from "./tell.ts";

/** A call that is refused: the message, and the exit code. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/**
 * Runs a command and ends the process. The exit code is 0, or what `work` returns, or 2 with the help for arguments that it
 * does not know.
 * @param failed what a failure is called when anything else is thrown, and its exit code, also for lost output
 */
export async function runCommand(
  help: string,
  failed: { what: string; exitCode: number },
  work: () => Promise<number | undefined>,
): Promise<never> {
  let lost: NodeJS.ErrnoException | undefined;
  process.stdout.on("error", (error) => {
    lost ??= error;
  });
  const exitCode = await work().catch((error) => {
    if (isUsage(error)) return complain(help, 2);
    if (error instanceof Refused) return complain(error.message, error.exitCode);
    return complain(startFailure(error, failed.what), failed.exitCode);
  });
  // What a slow reader has not taken yet would be lost.
  if (!lost)
    await new Promise<void>((done) => {
      for (const event of ["finish", "error", "close"]) process.stdout.on(event, () => done());
      process.stdout.end();
    });
  // EPIPE: the reader has ended, it had enough.
  if (lost && lost.code !== "EPIPE")
    process.exit(complain(`the output could not be written: ${lost.code}`, failed.exitCode));
  process.exit(exitCode);
}

function complain(message: string, exitCode: number): number {
  tell(message);
  return exitCode;
}

/** A value as JSON in one line, without the characters by which a text may move a terminal's cursor. */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);

/** A line of text without control characters: old names may hold some. */
export { plain as plainLine } from "../db/tables.ts";
