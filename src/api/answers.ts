import { z } from "zod";
import type { PublicSession, TokenPair } from "../auth/sessions.ts";
import type { PublicUser } from "../db/users.ts";
import { catalogue, type ErrorCode } from "../errors.ts";

/** What answers look like, for the document at `/openapi.json`; a test compares every answer with it. */

/** Makes a schema when it is first asked for: no start should wait for what only the document needs. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const time = (what: string, example: string) =>
  z
    .string()
    .regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    .meta({ description: `${what}, on the clock of TZ`, examples: [example] });

const token = (kind: string) =>
  z
    .string()
    .regex(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/)
    .meta({
      description: `The ${kind} token, a JWT with its \`Bearer \` in front: the whole value of \`Authorization\``,
      examples: ["Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"],
    });

export const user = once(
  () =>
    z
      .strictObject({
        id: z
          .int()
          .min(1)
          .meta({ description: "Ids only grow", examples: [1] }),
        username: z.string().meta({ description: "As it was registered", examples: ["ada"] }),
        created_at: time("When it was registered", "2026-11-22 20:31:07"),
        updated_at: time("When its password was last changed", "2026-11-22 20:31:07"),
      })
      .meta({ id: "User" }) satisfies z.ZodType<PublicUser>,
);

export const session = once(
  () =>
    z
      .strictObject({
        id: z
          .string()
          .regex(/^[\x21-\x7e]{1,36}$/)
          .meta({
            description: "A UUID, or of a session that began with a token of Flask's the `jti` of that",
            examples: ["019ab5f2-5c7e-7cc3-98c4-dc0c0c07398f"],
          }),
        created_at: time("When the login was", "2026-11-22 20:31:07"),
        last_used_at: time("When its tokens were last renewed", "2026-11-22 21:31:07"),
        expires_at: time("When it ends whatever happens", "2026-12-22 20:31:07"),
        user_agent: z
          .string()
          .nullable()
          .meta({ description: "What logged in, by its own word", examples: ["curl/7.88.1"] }),
        address: z
          .string()
          .nullable()
          .meta({ description: "Where it logged in from", examples: ["127.0.0.1"] }),
        current: z.boolean().meta({ description: "The session of the token that asked", examples: [true] }),
      })
      .meta({ id: "Session" }) satisfies z.ZodType<PublicSession>,
);

export const tokenPair = once(
  () =>
    z
      .strictObject({ accessToken: token("access"), refreshToken: token("refresh") })
      .meta({ id: "TokenPair" }) satisfies z.ZodType<TokenPair>,
);

export const accessToken = once(() =>
  z.strictObject({ accessToken: token("access") }).meta({ id: "AccessToken" }),
);

/** The envelope of a success (the seed's `res`). */
export const success = (data: z.ZodType, message = "Ok") =>
  z.strictObject({ success: z.literal(true), message: z.literal(message), data });

const fieldError = () =>
  z
    .strictObject({
      field: z.string().meta({ examples: ["username"] }),
      message: z.string().meta({ examples: ["username must be a string"] }),
    })
    .meta({ id: "FieldError" });

const codes = Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]];

/** The envelope of every failure. */
export const failure = once(() =>
  z
    .strictObject({
      success: z.literal(false),
      message: z.string().meta({ description: "For a person" }),
      data: z.null(),
      code: z.enum(codes).meta({ id: "ErrorCode", description: "For a program to switch on" }),
      errors: z
        .array(fieldError())
        .optional()
        .meta({ description: "With `validation_failed`: what was wrong" }),
    })
    .meta({ id: "Failure" }),
);
