import { Hono, type MiddlewareHandler } from "hono";
import { changePassword, login, register } from "../auth/accounts.ts";
import { networkOf } from "../auth/client.ts";
import { authenticate, blocklist } from "../http/authenticate.ts";
import { type AppEnv, authContext, clientOf, type Deps } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";
import { inOneStep } from "../http/inOneStep.ts";
import { validate } from "../http/validate.ts";
import { described } from "./operations.ts";
import { changePasswordBody, loginBody, registerBody } from "./schemas.ts";

/** Accounts: register, log in, change the password. The seed answers a login at both of its paths. */
export function accountRoutes(deps: Deps) {
  const { passwordMinLength } = deps.config;
  /** Before all else: under a flood of logins everybody waits for what the refusals cost. */
  const room: MiddlewareHandler<AppEnv> = (c, next) => {
    deps.passwords.requireRoom(networkOf(clientOf(c)));
    return next();
  };
  return new Hono<AppEnv>()
    .post(
      "/register",
      inOneStep(described.register, room),
      validate("json", registerBody(passwordMinLength)),
      async (c) => {
        await register(authContext(deps, c), c.req.valid("json"), clientOf(c));
        return succeed(c, null, "Register succeed!");
      },
    )
    .post("/login", inOneStep(described.login, room), validate("json", loginBody), async (c) =>
      succeed(c, await login(authContext(deps, c), c.req.valid("json"), clientOf(c))),
    )
    .post(
      "/refreshToken",
      inOneStep(described.loginAtRefreshToken, room),
      validate("json", loginBody),
      async (c) => succeed(c, await login(authContext(deps, c), c.req.valid("json"), clientOf(c))),
    )
    .post(
      "/changePassword",
      inOneStep(described.changePassword, authenticate(deps, "access"), blocklist(deps)),
      validate("json", changePasswordBody(passwordMinLength)),
      async (c) => {
        const who = { username: c.var.owner.user.username, sessionId: c.var.claims.sid ?? null };
        await changePassword(authContext(deps, c), who, c.req.valid("json"), clientOf(c));
        return succeed(c, null);
      },
    );
}
