import { z } from "zod";
import { normalForm } from "./normalForm.ts";

/** The most a password may have, in characters: more only costs time (OWASP ASVS 5.0, 6.2.9 asks for 64 at least). */
export const PASSWORD_MAX_LENGTH = 128;
const USERNAME_MAX_LENGTH = 40;

/** Characters as a person counts them and as `VARCHAR(40)` does: code points, not UTF-16 units. */
const characters = (text: string) => [...text].length;

/** A string that has to be there; numbers are no strings. */
export const text = (name: string) =>
  z.string({
    error: ({ input }) => (input === undefined ? `${name} is required` : `${name} must be a string`),
  });

/** The name of a new account, in NFC. */
export const newUsername = text("username")
  .refine((name) => name.isWellFormed(), "username must be valid Unicode")
  .meta({
    description: "In NFC; no control characters, no white space at its ends",
    minLength: 1,
    maxLength: USERNAME_MAX_LENGTH,
    examples: ["ada"],
  })
  .transform((name) => normalForm(name))
  .refine((name) => name !== "", "username must not be empty")
  .refine(
    (name) => characters(name) <= USERNAME_MAX_LENGTH,
    `username must have at most ${USERNAME_MAX_LENGTH} characters`,
  )
  .refine((name) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name), "username must not have control characters")
  .refine((name) => name.trim() === name, "username must not begin or end with white space");

/** A new password by its form alone, counted in NFC and left as sent; `usualPassword` has the rest. */
export const newPassword = (field: string, minLength: number) =>
  text(field)
    .refine((password) => password.isWellFormed(), `${field} must be valid Unicode`)
    .refine((password) => {
      const length = characters(normalForm(password));
      return length >= minLength && length <= PASSWORD_MAX_LENGTH;
    }, `${field} must have ${minLength} to ${PASSWORD_MAX_LENGTH} characters`)
    .meta({
      description: "Any characters, counted in NFC; none of the most common passwords, nor the username",
      minLength,
      maxLength: PASSWORD_MAX_LENGTH,
      examples: ["a long passphrase"],
    });

let common: Set<string> | undefined;

/**
 * About 49,000 passwords that everybody tries first; read when first needed, so that no start waits for it. What is kept
 * is no promise: on the edge one request must not wait for what another one began.
 */
async function commonPasswords(): Promise<Set<string>> {
  if (common) return common;
  const { dictionary } = await import("@zxcvbn-ts/language-common");
  common = new Set(dictionary["passwords-common"].map((password) => String(password).toLowerCase()));
  return common;
}

/**
 * Why a password is one that gets guessed first, whatever its length: it is commonly used, or the user's name.
 * @returns the end of a sentence, or undefined if it is neither
 */
export async function usualPassword(password: string, username: string): Promise<string | undefined> {
  const folded = password.normalize("NFC").toLowerCase();
  if (folded === username.normalize("NFC").toLowerCase()) return "must not be the username";
  if ((await commonPasswords()).has(folded)) return "is one of the most commonly used ones";
  return undefined;
}
