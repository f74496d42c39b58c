import type { Log, LogFields } from "../auth/context.ts";
import { LOG_LEVELS } from "../config/values.ts";

const LEVELS: readonly string[] = LOG_LEVELS;

/**
 * A log of JSON lines: level, time, what all lines have in common, the line's own fields, and the message as `msg`. For what
 * may stand in them see `LogFields`.
 * @param write takes a line, without its end
 */
export function jsonLog(level: string, common: LogFields, write: (line: string) => void): Log {
  const now = isoClock();
  const inCommon = membersOf(common);
  const lines = (name: "info" | "warn" | "error") => {
    if (LEVELS.indexOf(name) < LEVELS.indexOf(level)) return () => {};
    return (fields: LogFields, msg: string) =>
      write(
        `{"level":"${name}","time":"${now()}"${inCommon}${membersOf(fields)},"msg":${JSON.stringify(msg)}}`,
      );
  };
  return { info: lines("info"), warn: lines("warn"), error: lines("error") };
}

/** The members of an object's JSON, each after a comma: to put all of a line into one object first takes 1.4 times as long. */
function membersOf(fields: LogFields): string {
  const members = JSON.stringify(fields).slice(1, -1);
  return members && `,${members}`;
}

/** The time as ISO 8601 writes it, made once for all lines of a millisecond. */
function isoClock(): () => string {
  let at = Number.NaN;
  let text = "";
  return () => {
    const now = Date.now();
    if (now !== at) text = new Date(now).toISOString();
    at = now;
    return text;
  };
}
