import { type ApplyGlobalResponse, hc } from "hono/client";
import type { AppType } from "./app.ts";
import type { ErrorCode, FieldError } from "./errors.ts";

/** What every failure looks like, whatever its status. */
export interface Failure {
  success: false;
  message: string;
  data: null;
  code: ErrorCode;
  errors?: FieldError[];
}

type Failing = { json: Failure };

/** The service's routes: their bodies, their queries, and what they answer. */
export type Service = ApplyGlobalResponse<
  AppType,
  {
    400: Failing;
    401: Failing;
    413: Failing;
    415: Failing;
    429: Failing;
    500: Failing;
    501: Failing;
    503: Failing;
  }
>;

/**
 * A client whose calls are typed by the service's own routes: `client.api.login.$post({ json: { username, password } })`.
 * @param origin where the service is, such as `https://auth.example.com`
 * @param options of Hono's client: headers, another `fetch`
 */
export const createClient = (
  origin: string,
  options?: Parameters<typeof hc>[1],
): ReturnType<typeof hc<Service>> => hc<Service>(origin, options);
