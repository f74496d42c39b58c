import type { Log, LogFields } from "../../auth/context.ts";

const LEVELS = ["trace", "debug", "info", "warn", "error", "silent"];

/** JSON lines of the same form as the Bun process's, on the console, where the platform picks them up. */
export function consoleLog(least: string): Log {
  const from = LEVELS.indexOf(least);
  const at = (level: string) => (fields: LogFields, message: string) => {
    if (LEVELS.indexOf(level) < from) return;
    // biome-ignore lint/suspicious/noConsole: an isolate has no other output
    console.log(JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg: message }));
  };
  return { info: at("info"), warn: at("warn"), error: at("error") };
}
