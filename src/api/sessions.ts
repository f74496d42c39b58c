import { type Context, Hono } from "hono";
import { logout, refresh } from "../auth/sessions.ts";
import { authenticate, blocklist } from "../http/authenticate.ts";
import { type AppEnv, authContext, type Deps } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";

/** Sessions: refresh and log out. The seed answers a refresh at both of its paths. */
export function sessionRoutes(deps: Deps) {
  // Attached to each route: `.use()` in a sub-app would also guard its siblings, and turn their 404 into 401.
  const access = authenticate(deps, "access");
  const refreshing = authenticate(deps, "refresh");
  const live = blocklist(deps);

  const refreshed = async (c: Context<AppEnv>) =>
    succeed(c, { accessToken: await refresh(authContext(deps, c), c.var.claims, c.var.owner) });

  return new Hono<AppEnv>()
    .get("/refreshToken", refreshing, live, refreshed)
    .get("/login", refreshing, live, refreshed)
    .post("/logout", access, live, async (c) => {
      await logout(authContext(deps, c), c.var.claims);
      return succeed(c, null);
    });
}
