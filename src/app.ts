import { Hono } from "hono";
import { requestId } from "hono/request-id";
import { accountRoutes } from "./api/accounts.ts";
import { documentationRoutes } from "./api/documentation.ts";
import { healthRoutes } from "./api/health.ts";
import { described } from "./api/operations.ts";
import { sessionRoutes } from "./api/sessions.ts";
import { userRoutes } from "./api/users.ts";
import { crossOrigin } from "./http/crossOrigin.ts";
import type { AppEnv, Deps } from "./http/deps.ts";
import { answerFailure } from "./http/failures.ts";
import { headLength } from "./http/headLength.ts";
import { inOneStep } from "./http/inOneStep.ts";
import { limitBody } from "./http/limitBody.ts";
import { notFound } from "./http/notFound.ts";
import { notStored } from "./http/notStored.ts";
import { requestLog } from "./http/requestLog.ts";

/**
 * The whole HTTP service over what it is handed. Pure: it reads no environment and opens nothing.
 * Middleware runs from top to bottom, so that every answer, failures included, has an id, a log line and CORS headers.
 */
export function createApp(deps: Deps) {
  const base = new Hono<AppEnv>();
  base.use(inOneStep(requestId({ limitLength: 128 }), requestLog(deps)));
  base.use(inOneStep(headLength, crossOrigin(deps.config.corsOrigins), notStored, limitBody()));
  base.notFound(notFound(base));
  base.onError((error, c) => answerFailure(deps, error, c));
  const { print } = deps.metrics ?? {};
  if (print) {
    base.get("/metrics", described.metrics, async (c) => {
      const answer = await print();
      return c.body(await answer.text(), { headers: answer.headers });
    });
  }

  const app = base
    .get("/", described.hello, (c) => c.json({ hello: "world" }, 200))
    .route("/", healthRoutes(deps))
    .route("/api", accountRoutes(deps))
    .route("/api", sessionRoutes(deps))
    .route("/api", userRoutes(deps));
  if (deps.config.docs) app.route("/", documentationRoutes(app, deps.docs));
  return app;
}

/** The routes and their types, for `hc` of hono/client. */
export type AppType = ReturnType<typeof createApp>;
