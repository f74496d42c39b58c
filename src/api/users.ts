import { Hono } from "hono";
import { listUsers } from "../db/users.ts";
import { authenticate, blocklist } from "../http/authenticate.ts";
import type { AppEnv, Deps } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";

/** Users: the seed's list of all of them. */
export function userRoutes(deps: Deps) {
  return new Hono<AppEnv>().get("/getUserList", authenticate(deps, "access"), blocklist(deps), async (c) =>
    succeed(c, await listUsers(deps.database(c))),
  );
}
