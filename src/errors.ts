/**
 * The catalogue of failures: a stable code, the status it travels with, and the text a client may see.
 * Seed messages are kept to the letter; the rest is ours.
 */
export const catalogue = {
  validation_failed: { status: 400, message: "Validation failed" },
  malformed_json: { status: 400, message: "Malformed JSON" },
  username_taken: { status: 400, message: "Repeated username!" },
  unknown_username: { status: 400, message: "Unregistered username!" },
  invalid_password: { status: 401, message: "Invalid password!" },
  account_disabled: { status: 401, message: "Account disabled!" },
  token_missing: { status: 401, message: "Missing Authorization Header" },
  token_malformed: { status: 401, message: "Not enough segments" },
  token_invalid: { status: 401, message: "Signature verification failed" },
  token_expired: { status: 401, message: "Token has expired" },
  token_revoked: { status: 401, message: "Token has been revoked" },
  token_wrong_type: { status: 401, message: "Only non-refresh tokens are allowed" },
  token_reused: { status: 401, message: "Token has been used before, its session has been ended" },
  not_found: { status: 404, message: "The requested URL was not found on the server." },
  method_not_allowed: { status: 405, message: "The method is not allowed for the requested URL." },
  payload_too_large: { status: 413, message: "Payload too large" },
  unsupported_media_type: {
    status: 415,
    message: "Unsupported media type. Expected 'Content-Type: application/json'",
  },
  too_many_attempts: { status: 429, message: "Too many attempts!" },
  internal_error: { status: 500, message: "Internal server error" },
  hash_unsupported: {
    status: 501,
    message: "This account's password can't be checked here: log in at the main service once",
  },
  overloaded: { status: 503, message: "Server overloaded, try again" },
  database_unavailable: { status: 503, message: "Database unavailable, try again" },
} as const;

export type ErrorCode = keyof typeof catalogue;

/** One fault of a body or query: which field, and what it should have been (never what was sent). */
export interface FieldError {
  field: string;
  message: string;
}

interface ApiErrorOptions {
  /** Public text in place of the catalogue's. */
  message?: string;
  errors?: FieldError[];
  /** For 429 and 503: when to come back, in seconds. */
  retryAfterSeconds?: number;
  /** For the log only. */
  cause?: unknown;
}

/** A failure that the client is told of; everything else that is thrown becomes `internal_error`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: (typeof catalogue)[ErrorCode]["status"];
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ErrorCode,
    options: ApiErrorOptions = {},
  ) {
    super(options.message ?? catalogue[code].message, { cause: options.cause });
    this.status = catalogue[code].status;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (this.status === 503 ? 1 : undefined);
  }
}
