import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Registry } from "prom-client";
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";

/** How often the event loop is looked at, in milliseconds. */
const LAG_RESOLUTION_MS = 20;

/**
 * CPU, memory, open files and event-loop lag of this process. Not prom-client's own set: under Bun half of that is
 * zero (heap spaces, active handles) or untrue (`process_heap_bytes`).
 */
export function watchProcess(registry: Registry): void {
  const registers = [registry];
  const read = (Kind: typeof Counter | typeof Gauge, name: string, help: string, value: () => number) =>
    new Kind({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  read(
    Counter,
    "process_cpu_user_seconds_total",
    "CPU time in user mode",
    () => process.cpuUsage().user / 1e6,
  );
  read(
    Counter,
    "process_cpu_system_seconds_total",
    "CPU time in the kernel",
    () => process.cpuUsage().system / 1e6,
  );
  read(Gauge, "process_resident_memory_bytes", "Memory held in RAM", () => process.memoryUsage.rss());
  read(Gauge, "latchkey_heap_used_bytes", "JavaScript heap in use", () => process.memoryUsage().heapUsed);
  const startedAt = Date.now() / 1000 - process.uptime();
  read(Gauge, "process_start_time_seconds", "When the process started", () => startedAt);
  if (process.platform === "linux") {
    read(Gauge, "process_open_fds", "Open files and sockets", () => readdirSync("/proc/self/fd").length);
  }

  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  read(Gauge, "latchkey_event_loop_lag_p99_seconds", "How late timers were since the scrape before", () =>
    lag.count > 0 ? lag.percentile(99) / 1e9 : 0,
  );
  read(Gauge, "latchkey_event_loop_lag_max_seconds", "The most of it; a scrape begins anew", () => {
    const max = lag.count > 0 ? lag.max / 1e9 : 0;
    lag.reset();
    return max;
  });
}
