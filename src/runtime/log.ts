import pino from "pino";
import type { Log } from "../auth/context.ts";

/** JSON lines on standard output. What may stand in them is decided where they are written: see `LogFields`. */
export function createLog(level: string): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ dest: 1, sync: true }),
  );
}
