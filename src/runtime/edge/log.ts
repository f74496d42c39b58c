import type { Log } from "../../auth/context.ts";
import { jsonLog } from "../jsonLog.ts";

/** The log on the console, where the platform picks it up. */
export const consoleLog = (level: string): Log =>
  // biome-ignore lint/suspicious/noConsole: an isolate has no other output
  jsonLog(level, {}, (line) => console.log(line));
