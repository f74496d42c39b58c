import { expect, test } from "bun:test";
import { jsonLog } from "../../src/runtime/jsonLog.ts";

/** What a log writes, without the times. */
function written(common: Record<string, string | number>, log: (log: ReturnType<typeof jsonLog>) => void) {
  const lines: string[] = [];
  log(jsonLog("info", common, (line) => lines.push(line)));
  return lines.map((line) => {
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(new Date(String(time)).toISOString()).toBe(String(time));
    return rest;
  });
}

test("a line is JSON whatever is in it: no fields, none of a value, quotes and line ends", () => {
  const lines = written({ pid: 7 }, (log) => {
    log.info({}, "nothing");
    log.warn({ code: undefined }, "none of a value");
    log.error({ code: 'a "b"\n\\', n: 1.5, no: null, yes: true }, 'said "so"\n');
  });
  expect(lines).toEqual([
    { level: "info", pid: 7, msg: "nothing" },
    { level: "warn", pid: 7, msg: "none of a value" },
    { level: "error", pid: 7, code: 'a "b"\n\\', n: 1.5, no: null, yes: true, msg: 'said "so"\n' },
  ]);
  expect(written({}, (log) => log.info({ only: "this" }, "nothing in common"))).toEqual([
    { level: "info", only: "this", msg: "nothing in common" },
  ]);
});

test("a line below the level is not written", () => {
  const lines: string[] = [];
  const log = jsonLog("error", {}, (line) => lines.push(line));
  log.info({}, "a");
  log.warn({}, "b");
  log.error({}, "c");
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["c"]);
});
