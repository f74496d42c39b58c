import type { MiddlewareHandler } from "hono";
import { type DescribeRouteOptions, resolver, uniqueSymbol } from "hono-openapi";
import { z } from "zod";
import { catalogue, type ErrorCode, type FieldError } from "../errors.ts";
import { failure, success } from "./answers.ts";

/** The groups that operations are shown in, in that order. */
export const tags = [
  { name: "Accounts", description: "Register, log in, change the password." },
  { name: "Sessions", description: "Tokens: renew them, see where one is logged in, log out." },
  { name: "Users", description: "Who there is." },
  { name: "Service", description: "For those who run it, and this document." },
] as const;

/** What an operation is, in short; what follows from it is filled in. */
interface Operation {
  id: string;
  tag: (typeof tags)[number]["name"];
  summary: string;
  description?: string;
  /** The token it needs, if any; the failures of tokens and of the database follow from it. */
  token?: "accessToken" | "refreshToken";
  /** `json`: it reads a body, from which its failures follow. `ignored`: a POST that reads none; its size is checked all the same. */
  body?: "json" | "ignored";
  answer: Answer;
  /** Headers of its success, beside those that all answers have. */
  headers?: Record<string, Header>;
  /** Its own failures. */
  failures?: ErrorCode[];
  /** Its messages for failures, where they differ from the catalogue's. */
  says?: Partial<Record<ErrorCode, string>>;
  /** A fault that its validation can find, as the example. */
  fault?: FieldError;
}

/** What it says when it succeeds. */
interface Answer {
  description: string;
  type: "application/json" | "text/html" | "text/plain";
  schema: z.ZodType;
  example?: unknown;
}

/** A success in the envelope. */
export const inEnvelope = (data: z.ZodType, example: unknown, message = "Ok"): Answer => ({
  description: message,
  type: "application/json",
  schema: success(data, message),
  example: { success: true, message, data: example },
});

/** A success that says no more than that. */
export const nothing = (message?: string): Answer => inEnvelope(z.null(), null, message);

interface Header {
  description: string;
  required?: boolean;
  schema: { type: "string" | "integer"; const?: string; minimum?: number; pattern?: string };
}

/** The headers that many answers have; `components.headers` of the document. */
export const headers = {
  "X-Request-Id": {
    description: "The request's id, also in the log: the caller's if it sent a fit one, else a new one",
    required: true,
    schema: { type: "string", pattern: "^[\\w=-]{1,128}$" },
  },
  "Cache-Control": {
    description: "It may hold a token",
    required: true,
    schema: { type: "string", const: "no-store" },
  },
  "WWW-Authenticate": {
    description: "The challenge (RFC 6750 section 3); with a faulty token, the code is its description",
    required: true,
    schema: { type: "string", pattern: '^Bearer realm="latchkey"' },
  },
  "Retry-After": {
    description: "When to come back, in seconds",
    required: true,
    schema: { type: "integer", minimum: 0 },
  },
} satisfies Record<string, Header>;

const refer = (...names: (keyof typeof headers)[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const FAILURE_HEADERS: Record<number, ReturnType<typeof refer>> = {
  401: refer("WWW-Authenticate"),
  429: refer("Retry-After"),
  503: refer("Retry-After"),
};

const OF_TOKENS: ErrorCode[] = [
  "token_missing",
  "token_malformed",
  "token_invalid",
  "token_expired",
  "token_wrong_type",
  "token_revoked",
];
const OF_BODIES: ErrorCode[] = ["validation_failed", "malformed_json", "unsupported_media_type"];

/**
 * Describes the route that it stands in front of; requests pass through it.
 * @param read is called when the document is made, so that no start waits for its many schemas
 */
export function describe(read: () => Operation): MiddlewareHandler {
  const pass: MiddlewareHandler = (_c, next) => next();
  const marker = {
    get spec() {
      return specOf(read());
    },
  };
  return Object.assign(pass, { [uniqueSymbol]: marker });
}

/** An operation as OpenAPI writes it. */
function specOf(operation: Operation): DescribeRouteOptions {
  const { id, tag, summary, description, token, body, answer, failures = [] } = operation;
  const common = tag === "Service" ? refer("X-Request-Id") : refer("X-Request-Id", "Cache-Control");
  const codes = new Set<ErrorCode>([
    ...(body === "json" ? OF_BODIES : []),
    ...(body ? (["payload_too_large"] as const) : []),
    ...(token ? OF_TOKENS : []),
    ...failures,
    ...(token || failures.length > 0 ? (["internal_error", "database_unavailable"] as const) : []),
  ]);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description ? { description } : {}),
    security: token ? [{ [token]: [] }] : [],
    responses: {
      200: {
        description: answer.description,
        headers: { ...common, ...operation.headers },
        content: {
          [answer.type]: {
            schema: resolver(answer.schema),
            ...(answer.example === undefined ? {} : { example: answer.example }),
          },
        },
      },
      ...failing([...codes], common, operation),
    },
  };
}

/** The failures by status: which codes each has, and an example of every one. */
function failing(codes: ErrorCode[], common: ReturnType<typeof refer>, operation: Operation) {
  const byStatus = Map.groupBy(codes, (code) => catalogue[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\``).join(", "),
        headers: { ...common, ...FAILURE_HEADERS[status] },
        content: {
          "application/json": {
            schema: resolver(failure().and(z.object({ code: z.enum(group as [ErrorCode, ...ErrorCode[]]) }))),
            examples: Object.fromEntries(group.map((code) => [code, { value: exampleOf(code, operation) }])),
          },
        },
      },
    ]),
  );
}

const exampleOf = (code: ErrorCode, { says = {}, fault = WRONG_USERNAME }: Operation) => ({
  success: false,
  message: says[code] ?? catalogue[code].message,
  data: null,
  code,
  ...(code === "validation_failed" ? { errors: [fault] } : {}),
});

const WRONG_USERNAME: FieldError = { field: "username", message: "username must be a string" };
