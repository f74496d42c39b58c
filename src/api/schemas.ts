import { z } from "zod";
import { newPassword, newUsername, text } from "../auth/rules.ts";

/** `POST /api/register`. @param minLength the least a password must have, in characters */
export const registerBody = (minLength: number) =>
  z.object({ username: newUsername, password: newPassword("password", minLength) });

/** `POST /api/login`: any strings, since an old account may have any name and password. */
export const loginBody = z.object({
  username: text("username").meta({ examples: ["ada"] }),
  password: text("password").meta({ examples: ["a long passphrase"] }),
});

/** `POST /api/changePassword`. */
export const changePasswordBody = (minLength: number) =>
  z.object({
    password: text("password").meta({ description: "The current one", examples: ["a long passphrase"] }),
    newPassword: newPassword("newPassword", minLength),
  });

/** `POST /api/logout`; no body means `session`. */
export const logoutBody = z.object({
  scope: z.enum(["session", "others", "all"], "scope must be session, others or all").default("session"),
});

const wholeNumber = (name: string, min: number, max: number, description: string) => {
  const rule = `${name} must be a whole number from ${min} to ${max}`;
  return z
    .string(rule)
    .regex(/^\d{1,16}$/, rule)
    .transform(Number)
    .refine((n) => n >= min && n <= max, rule)
    .optional()
    .meta({ description, type: "integer", minimum: min, maximum: max, pattern: undefined }); // as it is meant
};

export const MAX_PAGE = 1000;

/** `GET /api/getUserList`: `after` is the last id seen. */
export const listQuery = z.object({
  limit: wholeNumber("limit", 1, MAX_PAGE, "A page of that many"),
  after: wholeNumber(
    "after",
    0,
    Number.MAX_SAFE_INTEGER,
    "A page of those behind this id, the last one seen",
  ),
});
