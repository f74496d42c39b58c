import { Hono, type MiddlewareHandler } from "hono";
import { pageUsers } from "../db/users.ts";
import { authenticate, blocklist } from "../http/authenticate.ts";
import { type AppEnv, type Deps, databaseOf } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";
import { inOneStep } from "../http/inOneStep.ts";
import { validate } from "../http/validate.ts";
import { described } from "./operations.ts";
import { listQuery, MAX_PAGE } from "./schemas.ts";
import { answerUserList } from "./userList.ts";

/** Users: the seed's list of all of them, a page of it, and the token's own user. */
export function userRoutes(deps: Deps) {
  const access = authenticate(deps, "access");
  const live = blocklist(deps);
  const liveWithUsers = blocklist(deps, true);

  /** The blocklist; where all users are wanted it asks for the first of them too. */
  const liveList: MiddlewareHandler<AppEnv> = (c, next) => {
    const page = c.req.url.includes("?") && (c.req.query("limit") || c.req.query("after"));
    return page ? live(c, next) : liveWithUsers(c, next);
  };

  const query = validate("query", listQuery);
  return new Hono<AppEnv>()
    .get("/getUserList", inOneStep(described.getUserList, access, liveList), query, async (c) => {
      const { limit, after } = c.req.valid("query");
      const { firstUsers } = c.get("owner");
      if (firstUsers) return answerUserList(c, deps, firstUsers);
      const size = limit ?? MAX_PAGE;
      const rows = await pageUsers(databaseOf(deps, c), after ?? 0, size + 1); // one more tells whether there is a next page
      const page = rows.slice(0, size);
      const last = page.at(-1);
      if (last && rows.length > size)
        c.header("Link", `<${c.req.path}?limit=${size}&after=${last.id}>; rel="next"`);
      return succeed(c, page);
    })
    .get("/getUser", inOneStep(described.getUser, access, live), (c) => succeed(c, c.get("owner").user));
}
