import SonicBoom from "sonic-boom";
import type { Log } from "../auth/context.ts";
import { jsonLog } from "./jsonLog.ts";

/** Lines are written when there are that many characters of them, or that many milliseconds later. */
const PIECE = { characters: 4096, ms: 100 };

/** The log of this process: on standard output, in order, a tenth of a second late at the most; all of it when it exits. */
export function createLog(level: string): Log {
  const output = new SonicBoom({ fd: 1, sync: true });
  let lines = "";
  let timer: Timer | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== "") output.write(lines);
    lines = "";
  };
  process.on("exit", () => {
    flush();
    output.flushSync();
  });
  return jsonLog(level, { pid: process.pid }, (line) => {
    lines += `${line}\n`;
    if (lines.length >= PIECE.characters) flush();
    else timer ??= setTimeout(flush, PIECE.ms).unref();
  });
}
