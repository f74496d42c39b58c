/** More combining marks in a row than any name or password of ours can have: 128 characters, of which the first may hold three. */
const LONG_RUN = 160;
const MARK = /\p{M}/u;

/**
 * A text in a normal form (UAX #15), or as it is if it has a long run of combining marks: to put those in order takes quadratic
 * time, for 16 KiB a third of a second, in which nobody is answered.
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
