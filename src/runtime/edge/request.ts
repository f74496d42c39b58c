import type { Context, ExecutionContext } from "hono";
import type { DatabaseTarget } from "../../config/database.ts";
import { type Database, openDatabase, openPool } from "../../db/connection.ts";
import type { Allowance } from "../../db/timeLimit.ts";
import { lastResort } from "../lastResort.ts";

/** What one request has to itself: on workerd no connection may be used by another one than opened it. */
export interface EdgeEnv {
  /** The address that the platform saw, or null. */
  address: string | null;
  /** On the same connection at each call, which is opened when first used. */
  database(allowance?: Allowance): Database;
  hold(reading: Promise<void>): void;
}

/** Where the app finds it. */
export const ofRequest = (c: Context): EdgeEnv => c.env as EdgeEnv;

type Fetch = (request: Request, env: EdgeEnv, execution: ExecutionContext) => Response | Promise<Response>;

/**
 * Answers a request with one connection at most, and closes it when the answer has been made and read to its end. The work
 * goes on when the client has hung up, as it does on Bun: what was counted must be stored, and nothing be left half-done.
 */
export function answer(
  fetch: Fetch,
  { target, address }: { target: DatabaseTarget; address: string | null },
  request: Request,
  execution: ExecutionContext,
): Promise<Response> {
  let pool: ReturnType<typeof openPool> | undefined;
  const reading: Promise<void>[] = [];
  const env: EdgeEnv = {
    address,
    database(allowance) {
      pool ??= openPool(target, 1, { prepare: false });
      return openDatabase(pool, allowance);
    },
    hold: (one) => void reading.push(one),
  };
  const answered = Promise.try(fetch, request, env, execution).catch(lastResort);
  const close = async () => {
    await Promise.all(reading);
    await pool?.end();
  };
  execution.waitUntil(answered.then(close));
  return answered;
}

/**
 * The client's address: as Cloudflare has it, or the other end of the connection to a workerd of one's own, where
 * anybody could send Cloudflare's header. `cf` is the platform's, and nobody else's to send.
 */
export function platformAddress(request: Request): string | null {
  const { colo, clientIp } = (request as { cf?: { colo?: unknown; clientIp?: string } }).cf ?? {};
  if (colo !== undefined) return request.headers.get("CF-Connecting-IP");
  return clientIp?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1") ?? null;
}
