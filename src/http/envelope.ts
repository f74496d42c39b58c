import type { Context } from "hono";
import type { ApiError, ErrorCode, FieldError } from "../errors.ts";
import type { AppEnv } from "./deps.ts";

/** The protection space named in `WWW-Authenticate`. */
export const REALM = "latchkey";

/** A success in the envelope of every answer (the seed's `res`). */
export function succeed<T>(c: Context, data: T, message = "Ok") {
  return c.json({ success: true as const, message, data }, 200);
}

/** How the text of a success begins; its data follows, and a closing brace. */
export const SUCCESS_TEXT = '{"success":true,"message":"Ok","data":';

/** A success whose text was made elsewhere. */
export function jsonAnswer<T>(c: Context, text: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>) {
  return c.body(text, 200, { "Content-Type": "application/json" }) as unknown as ReturnType<
    typeof succeed<T>
  >;
}

/** A failure in the envelope. Every failure of every layer passes here. */
export function fail(c: Context<AppEnv>, error: ApiError) {
  c.set("failureCode", error.code);
  if (error.status === 401) c.header("WWW-Authenticate", challenge(error.code));
  if (error.retryAfterSeconds !== undefined) c.header("Retry-After", String(error.retryAfterSeconds));
  const body: { success: false; message: string; data: null; code: ErrorCode; errors?: FieldError[] } = {
    success: false,
    message: error.message,
    data: null,
    code: error.code,
  };
  if (error.errors) body.errors = error.errors;
  return c.json(body, error.status);
}

/**
 * RFC 6750 section 3: a request without a token gets the bare challenge, one with a faulty token the reason. A failed
 * login has presented no token either.
 */
function challenge(code: ErrorCode): string {
  if (!code.startsWith("token_") || code === "token_missing") return `Bearer realm="${REALM}"`;
  return `Bearer realm="${REALM}", error="invalid_token", error_description="${code}"`;
}
