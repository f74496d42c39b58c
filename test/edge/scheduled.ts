// What a cron trigger does, on a request: plain workerd has no clock for it.
import type { Bindings } from "../../src/runtime/edge/config.ts";
import worker from "../../src/runtime/workerd.ts";

export default {
  async fetch(_request: Request, bindings: Bindings): Promise<Response> {
    await worker.scheduled(undefined, bindings);
    return new Response("done");
  },
};
