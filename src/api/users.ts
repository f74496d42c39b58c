import { Hono } from "hono";
import { findUser, listUsers, pageUsers } from "../db/users.ts";
import { ApiError } from "../errors.ts";
import { authenticate, blocklist } from "../http/authenticate.ts";
import type { AppEnv, Deps } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";
import { validate } from "../http/validate.ts";
import { described } from "./operations.ts";
import { listQuery, MAX_PAGE } from "./schemas.ts";

/** Users: the seed's list of all of them, a page of it, and the token's own user. */
export function userRoutes(deps: Deps) {
  const access = authenticate(deps, "access");
  const live = blocklist(deps);
  return new Hono<AppEnv>()
    .get("/getUserList", described.getUserList, access, live, validate("query", listQuery), async (c) => {
      const { limit, after } = c.req.valid("query");
      const db = deps.database(c);
      if (limit === undefined && after === undefined) return succeed(c, await listUsers(db));
      const size = limit ?? MAX_PAGE;
      const rows = await pageUsers(db, after ?? 0, size + 1); // one more tells whether there is a next page
      const page = rows.slice(0, size);
      const last = page.at(-1);
      if (last && rows.length > size)
        c.header("Link", `<${c.req.path}?limit=${size}&after=${last.id}>; rel="next"`);
      return succeed(c, page);
    })
    .get("/getUser", described.getUser, access, live, async (c) => {
      const user = await findUser(deps.database(c), c.var.owner.userId);
      if (!user) throw new ApiError("token_revoked"); // deleted since the blocklist was asked
      return succeed(c, user);
    });
}
