import { Hono } from "hono";
import { ping } from "../db/connection.ts";
import { ApiError } from "../errors.ts";
import { type AppEnv, type Deps, databaseOf } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";
import { described } from "./operations.ts";

/** What an orchestrator asks: is it alive (never the database's fault), may it be sent requests. */
export function healthRoutes(deps: Deps) {
  return new Hono<AppEnv>()
    .get("/livez", described.livez, (c) => succeed(c, null))
    .get("/readyz", described.readyz, async (c) => {
      if (deps.draining()) throw new ApiError("overloaded", { message: "Draining" });
      await ping(databaseOf(deps, c));
      return succeed(c, null);
    });
}
