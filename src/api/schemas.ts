import { z } from "zod";

/** Characters as a person counts them and as `VARCHAR(40)` does: code points, not UTF-16 units. */
const characters = (text: string) => [...text].length;

const required = (name: string) => (issue: { input: unknown }) =>
  issue.input === undefined ? `${name} is required` : `${name} must be a string`;

/** `POST /api/register`. */
export const registerBody = z.object({
  username: z
    .string({ error: required("username") })
    .refine((text) => text.isWellFormed(), "username must be valid Unicode")
    .transform((text) => text.normalize("NFC"))
    .refine((text) => text !== "", "username must not be empty")
    .refine((text) => characters(text) <= 40, "username must have at most 40 characters"),
  password: z
    .string({ error: required("password") })
    .refine((text) => text !== "", "password must not be empty")
    .refine((text) => text.isWellFormed(), "password must be valid Unicode"),
});

/** `POST /api/login`: any strings, since an old account may have any name and password. */
export const loginBody = z.object({
  username: z.string({ error: required("username") }),
  password: z.string({ error: required("password") }),
});
