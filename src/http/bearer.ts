import { ApiError } from "../errors.ts";

/**
 * The token of an `Authorization` header, read as Flask-JWT-Extended reads it: of a comma-separated list the one
 * field of type Bearer; the scheme in any case (RFC 9110 section 11.1).
 * @throws ApiError `token_missing`, `token_malformed`, with the seed's messages
 */
export function bearerToken(header: string | undefined): string {
  const [, plain] = /^Bearer ([^\s,]+)$/.exec(header ?? "") ?? []; // as nearly everybody sends it
  if (plain !== undefined) return plain;
  const fields = (header ?? "")
    .split(",")
    .map((field) => field.trim())
    .filter((field) => field !== "");
  if (fields.length === 0) throw new ApiError("token_missing");
  const bearers = fields
    .map((field) => field.split(/\s+/))
    .filter(([scheme]) => scheme?.toLowerCase() === "bearer");
  const [bearer] = bearers;
  if (bearers.length !== 1 || !bearer) {
    throw new ApiError("token_missing", {
      message: "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'",
    });
  }
  const [, token] = bearer;
  if (bearer.length !== 2 || !token) {
    throw new ApiError("token_malformed", {
      message: "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'",
    });
  }
  return token;
}
