import { Hono, type MiddlewareHandler } from "hono";
import { pageUsers } from "../db/users.ts";
import { authenticate, blocklist } from "../http/authenticate.ts";
import { type AppEnv, type Deps, databaseOf, sharedQuestions } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";
import { validate } from "../http/validate.ts";
import { described } from "./operations.ts";
import { listQuery, MAX_PAGE } from "./schemas.ts";
import { answerUserList, openUserList, type UserList } from "./userList.ts";

/** What the list's handler finds prepared, unless a page was asked for. */
interface ListEnv extends AppEnv {
  Variables: AppEnv["Variables"] & { userList: Promise<UserList> | undefined };
}

/** Users: the seed's list of all of them, a page of it, and the token's own user. */
export function userRoutes(deps: Deps) {
  const access = authenticate(deps, "access");
  const live = blocklist(deps);

  /** Asks for the list while the blocklist is asked: what comes is shown only if that lets the token in. */
  const meanwhile: MiddlewareHandler<ListEnv> = async (c, next) => {
    if (!c.req.url.includes("?") || (!c.req.query("limit") && !c.req.query("after"))) {
      const list = openUserList(sharedQuestions(deps, c));
      list.catch(() => {}); // thrown by the handler, if it comes to that
      c.set("userList", list);
    }
    await next();
  };

  const query = validate("query", listQuery);
  return new Hono<ListEnv>()
    .get("/getUserList", described.getUserList, access, meanwhile, live, query, async (c) => {
      const { limit, after } = c.req.valid("query");
      const list = await c.get("userList");
      if (list) return answerUserList(c, deps, list);
      const size = limit ?? MAX_PAGE;
      const rows = await pageUsers(databaseOf(deps, c), after ?? 0, size + 1); // one more tells whether there is a next page
      const page = rows.slice(0, size);
      const last = page.at(-1);
      if (last && rows.length > size)
        c.header("Link", `<${c.req.path}?limit=${size}&after=${last.id}>; rel="next"`);
      return succeed(c, page);
    })
    .get("/getUser", described.getUser, access, live, (c) => succeed(c, c.get("owner").user));
}
