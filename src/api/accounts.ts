import { type Context, Hono } from "hono";
import { type Client, login, register } from "../auth/accounts.ts";
import { type AppEnv, authContext, type Deps } from "../http/deps.ts";
import { succeed } from "../http/envelope.ts";
import { validate } from "../http/validate.ts";
import { loginBody, registerBody } from "./schemas.ts";

/** Accounts: register and log in. The seed answers a login at both of its paths. */
export function accountRoutes(deps: Deps) {
  return new Hono<AppEnv>()
    .post("/register", validate("json", registerBody), async (c) => {
      await register(authContext(deps, c), c.req.valid("json"));
      return succeed(c, null, "Register succeed!");
    })
    .post("/login", validate("json", loginBody), async (c) =>
      succeed(c, await login(authContext(deps, c), c.req.valid("json"), client(c))),
    )
    .post("/refreshToken", validate("json", loginBody), async (c) =>
      succeed(c, await login(authContext(deps, c), c.req.valid("json"), client(c))),
    );
}

const client = (c: Context<AppEnv>): Client => ({
  userAgent: c.req.header("User-Agent") ?? null,
  address: c.var.clientAddress,
});
