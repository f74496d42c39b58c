import SonicBoom from "sonic-boom";
import type { Log } from "../auth/context.ts";
import { jsonLog } from "./jsonLog.ts";

/** Lines are written when there are that many characters of them, or that many milliseconds later. */
const PIECE = { characters: 16_384, ms: 100 };
/** How many characters are kept while they cannot be written; lines beyond that are lost. */
const KEPT = 1024 * 1024;

/**
 * The log of this process: on standard output, in order, at most a tenth of a second late, and complete when the process exits.
 * While it cannot be written (a full disk, a reader that has ended) some lines are kept, later ones lost, and the service goes on.
 */
export function createLog(level: string): Log {
  const output = new SonicBoom({ fd: 1, sync: true, maxLength: KEPT, minLength: 1 }); // without a least length it would not flush
  let failing = false;
  output.on("error", () => {
    failing = true;
  });
  output.on("write", () => {
    failing = false;
  });
  output.on("drop", () => output.flush()); // what is kept: it tries by itself only for lines that it takes
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
    if (failing) output.flush();
    if (!failing) output.flushSync(); // it would try again for ever
  });
  return jsonLog(level, { pid: process.pid }, (line) => {
    lines += `${line}\n`;
    if (lines.length >= PIECE.characters) flush();
    else timer ??= setTimeout(flush, PIECE.ms).unref();
  });
}
