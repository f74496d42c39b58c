import pino from "pino";
import type { Log } from "../auth/context.ts";

/** Lines are written when there are that many bytes of them, or that many milliseconds later. */
const BUFFER = { minLength: 4096, periodicFlush: 100 };

/**
 * JSON lines on standard output, in order, a tenth of a second late at the most; all of them when the process exits. What
 * may stand in them is decided where they are written: see `LogFields`.
 */
export function createLog(level: string): Log {
  const output = pino.destination({ dest: 1, sync: true, ...BUFFER });
  process.on("exit", () => output.flushSync());
  return pino(
    {
      level,
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    output,
  );
}
