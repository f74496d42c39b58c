import { catalogue } from "../errors.ts";

/** The envelope for what escapes the app, or happens before there is one. */
export function lastResort(): Response {
  const { status, message } = catalogue.internal_error;
  return Response.json(
    { success: false, message, data: null, code: "internal_error" },
    { status, headers: { "X-Request-Id": crypto.randomUUID() } },
  );
}
