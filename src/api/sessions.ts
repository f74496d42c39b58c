import { type Context, Hono } from "hono";
import { requireUnspent, rotate } from "../auth/rotation.ts";
import { logout, refresh, sessionsOf } from "../auth/sessions.ts";
import { authenticate, blocklist } from "../http/authenticate.ts";
import { type AppEnv, authContext, clientOf, type Deps } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";
import { inOneStep } from "../http/inOneStep.ts";
import { validateOptional } from "../http/validate.ts";
import { described } from "./operations.ts";
import { logoutBody } from "./schemas.ts";

/** Sessions: refresh, rotate, list, log out. The seed answers a refresh at both of its paths. */
export function sessionRoutes(deps: Deps) {
  // Attached to each route: `.use()` in a sub-app would also guard its siblings, and turn their 404 into 401.
  const access = authenticate(deps, "access");
  const refreshing = authenticate(deps, "refresh");
  const live = blocklist(deps);

  const refreshed = async (c: Context<AppEnv>) => {
    const context = authContext(deps, c);
    const { claims } = c.var;
    const owner = await requireUnspent(context, claims);
    c.set("owner", owner);
    return succeed(c, { accessToken: await refresh(context, claims, owner) });
  };

  return (
    new Hono<AppEnv>()
      // Without the blocklist: these ask the database themselves, since they have their own answers to spent refresh tokens.
      .get("/refreshToken", inOneStep(described.refreshToken, refreshing), refreshed)
      .get("/login", inOneStep(described.refreshTokenAtLogin, refreshing), refreshed)
      .post("/rotateToken", inOneStep(described.rotateToken, refreshing), async (c) =>
        succeed(c, await rotate(authContext(deps, c), c.var.claims, clientOf(c))),
      )
      .get("/getSessionList", inOneStep(described.getSessionList, access, live), async (c) =>
        succeed(c, await sessionsOf(authContext(deps, c), c.var.claims, c.var.owner)),
      )
      .post(
        "/logout",
        inOneStep(described.logout, access, live),
        validateOptional("scope", logoutBody),
        async (c) => {
          await logout(authContext(deps, c), c.var.claims, c.var.owner, c.req.valid("json").scope);
          return succeed(c, null);
        },
      )
  );
}
