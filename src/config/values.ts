import { z } from "zod";

/** From the least important to the most; a log takes those of its level and above. Ours has nothing below `info`. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/**
 * A variable's text and what it means.
 * @param read gives undefined for a text that breaks the rule
 */
function reading<T>(rule: string, read: (text: string) => T | undefined) {
  return z.transform((text: string, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue(rule);
    return z.NEVER;
  });
}

/** A whole number within bounds, with a default. */
export const whole = (fallback: number, min: number, max: number) =>
  reading(`must be a whole number from ${min} to ${max}`, (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  }).default(fallback);

const SWITCH = new Map([
  ["on", true],
  ["true", true],
  ["1", true],
  ["off", false],
  ["false", false],
  ["0", false],
]);

/** A switch: on or off, also as true/false and 1/0. */
export const onOff = () => reading("must be on or off", (text) => SWITCH.get(text.toLowerCase()));

/** An IANA time zone; a leading colon, as some systems write TZ, is dropped. */
export const timeZone = () =>
  reading("must be an IANA time zone, such as Asia/Shanghai", (text) => {
    const zone = text.replace(/^:/, "");
    return isTimeZone(zone) ? zone : undefined;
  });

/** The machine's own zone. The first call loads the zones' data, which takes 10 ms. */
export const machineTimeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function isTimeZone(zone: string): boolean {
  if (zone === "UTC") return true; // what most set needs no data
  try {
    return Boolean(new Intl.DateTimeFormat("en-US", { timeZone: zone }));
  } catch {
    return false;
  }
}

/** `*`, or a comma-separated list of origins as a browser sends them (RFC 6454 section 6.1). */
export const origins = () =>
  reading(
    "must be * or a comma-separated list of origins such as https://app.example.com, without a path",
    (text): "*" | string[] | undefined => {
      if (text.trim() === "*") return "*";
      const list = text
        .split(",")
        .map((one) => one.trim())
        .filter(Boolean);
      return list.length > 0 && list.every(isOrigin) ? list : undefined;
    },
  ).default("*");

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
