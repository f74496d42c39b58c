import { expect, test } from "bun:test";
import { spawn, until } from "../support/process.ts";

test("a drain that does not end is cut off when its time and the limit are over, which is told", async () => {
  const drain = spawn("test/process/endlessDrain.ts", {}, ["0.2", "100"]);
  try {
    await until(
      () => drain.stdout() === "up\n",
      () => `it did not start: ${drain.stderr()}`,
      drain.process.exited,
    );
    drain.process.kill("SIGTERM");
    expect(await drain.process.exited).toBe(1);
    await until(drain.stderr.ended, () => "its standard error did not end");
    expect(drain.stderr()).toBe("latchkey ends in the midst of its shutdown: it took longer than 0.3 s\n");
  } finally {
    drain.process.kill("SIGKILL");
    await drain.process.exited;
  }
});
