// The service as it runs on workerd, with its clock, addresses and log in a test's hand.
import type { ExecutionContext } from "hono";
import { edgeConfig } from "../../../src/runtime/edge/config.ts";
import { answer } from "../../../src/runtime/edge/request.ts";
import { edgeApp } from "../../../src/runtime/workerd.ts";
import { withSideChannel } from "./sideChannel.ts";

const serve = withSideChannel<ExecutionContext>(async ({ env, database }, inHand) => {
  const { host = "127.0.0.1", port = 3306, user, password, database: name } = database.target;
  const config = edgeConfig({
    HASH_QUEUE_LIMIT: "100",
    ...env,
    HYPERDRIVE: { host, port, user, password, database: name },
  });
  const app = await edgeApp(config, inHand);
  return (execution) => (request, address) =>
    answer(app.fetch, { target: config.database, address }, request, execution);
});

export default {
  fetch: (request: Request, _bindings: unknown, execution: ExecutionContext) => serve(request, execution),
};
