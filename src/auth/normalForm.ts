/** More combining marks in a row than a valid name or password has: 128 characters, the first of which may itself hold three. */
const LONG_RUN = 160;
const MARK = /\p{M}/u;

/**
 * A text in a normal form (UAX #15), or unchanged if it has a long run of combining marks: to sort those takes quadratic time,
 * for 16 KiB a third of a second, during which nobody is answered.
 */
export function normalForm(text: string, form: "NFC" | "NFD" = "NFC"): string {
  if (text.length < LONG_RUN) return text.normalize(form);
  let run = 0;
  for (const character of text) {
    run = MARK.test(character) ? run + 1 : 0;
    if (run === LONG_RUN) return text;
  }
  return text.normalize(form);
}
