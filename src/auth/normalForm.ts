/** The most characters that one decomposes into (Unicode FAQ, "Normalization": U+1F82). */
const EXPANSION = 4;

/** Characters as a person counts them and as `VARCHAR(40)` does: code points, not UTF-16 units. */
export const characters = (text: string): number => [...text].length;

/** Whether a text has more than so many characters in whatever normal form. Tells without making one. */
export const surelyLonger = (text: string, most: number): boolean =>
  text.length > EXPANSION * most && characters(text) > EXPANSION * most;

/**
 * A text in a normal form (UAX #15), or as it is if no text of `most` characters can be meant: to put a long run of combining
 * marks in order takes quadratic time, for 16 KiB a third of a second, in which nobody is answered.
 */
export const normalForm = (text: string, most: number, form: "NFC" | "NFD" = "NFC"): string =>
  surelyLonger(text, most) ? text : text.normalize(form);
