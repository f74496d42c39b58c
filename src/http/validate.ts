import { zValidator } from "@hono/zod-validator";
import type { Context, MiddlewareHandler, ValidationTargets } from "hono";
import { HTTPException } from "hono/http-exception";
import { resolver, uniqueSymbol } from "hono-openapi";
import type { z } from "zod";
import { ApiError, type FieldError } from "../errors.ts";

/** A JSON media type: `application/json` or any `+json` (RFC 6839 section 3.1), parameters aside. */
const JSON_MEDIA_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/**
 * Checks a part of the request against a schema and hands the result to the handler. The only user of zValidator,
 * whose own answers are without envelope and whose hook holds what was sent, passwords included.
 * @throws ApiError `unsupported_media_type`, `malformed_json`, `validation_failed`
 */
export function validate<T extends z.ZodType, Target extends keyof ValidationTargets>(
  target: Target,
  schema: T,
) {
  let nothing: object | undefined;
  const check = zValidator(target, schema, (result) => {
    if (!result.success)
      throw new ApiError("validation_failed", { errors: fieldErrors(result.error.issues) });
  });
  const checked: MiddlewareHandler = async (c, next) => {
    if (target === "json") await requireJson(c);
    try {
      return await (check as MiddlewareHandler)(c, next);
    } catch (error) {
      if (error instanceof HTTPException) throw new ApiError("malformed_json");
      throw error;
    }
  };
  const guarded: MiddlewareHandler = (c, next) => {
    if (target !== "query" || c.req.url.includes("?")) return checked(c, next);
    nothing ??= schema.parse({}) as object; // without a query the result is always the same
    c.req.addValidatedData(target, nothing);
    return next();
  };
  return documented(guarded as typeof check, target, schema);
}

/**
 * As `validate("json", …)`, for a path where the seed took no body and so ignored any: a text that does not mention `field`
 * counts as `{}`, whatever it is.
 */
export function validateOptional<T extends z.ZodType>(field: string, schema: T) {
  const check = validate("json", schema);
  const guarded: MiddlewareHandler = async (c, next) => {
    const text = await textOf(c);
    if (mentions(text, field)) return (check as MiddlewareHandler)(c, next);
    c.req.addValidatedData("json", schema.parse({}) as object);
    return next();
  };
  return documented(guarded as typeof check, "json", schema, false);
}

/** Leaves the schema on its validator, from which the document at `/openapi.json` is made. */
function documented<T extends object>(
  middleware: T,
  target: keyof ValidationTargets,
  schema: z.ZodType,
  required = true,
): T {
  const content = { "application/json": { schema: resolver(schema) } };
  const described =
    target === "json" ? { spec: { requestBody: { required, content } } } : { target, ...resolver(schema) };
  return Object.assign(middleware, { [uniqueSymbol]: described });
}

/** Whether a body has a field: by its text or, since JSON may spell a name with escapes, by parsing it. */
function mentions(text: string, field: string): boolean {
  if (text.includes(field)) return true;
  try {
    return Object.hasOwn(Object(JSON.parse(text)), field);
  } catch {
    return false;
  }
}

/** JSON by its media type, in UTF-8. */
async function requireJson(c: Context): Promise<void> {
  if (!JSON_MEDIA_TYPE.test(c.req.header("Content-Type") ?? "")) throw new ApiError("unsupported_media_type");
  await textOf(c);
}

/**
 * The body, which must be UTF-8 (RFC 8259 section 8.1): read leniently, two passwords could become one, and what a compressed
 * body asks for would be overlooked. A client that has gone counts as one that sent no such body.
 */
async function textOf(c: Context): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await c.req.arrayBuffer());
  } catch {
    throw new ApiError("malformed_json");
  }
}

const fieldErrors = (issues: readonly z.core.$ZodIssue[]): FieldError[] =>
  issues.map(({ path, message }) => ({ field: path.map(String).join(".") || "body", message }));
