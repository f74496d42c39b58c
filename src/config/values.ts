import { z } from "zod";

/** A whole number within bounds, with a default. */
export function whole(fallback: number, min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d+$/, rule)
    .transform(Number)
    .refine((n) => n >= min && n <= max, rule)
    .default(fallback);
}

/** A switch: on or off, also as true/false and 1/0. */
export const onOff = () =>
  z
    .string()
    .toLowerCase()
    .pipe(z.enum(["on", "off", "true", "false", "1", "0"], "must be on or off"))
    .transform((word) => word === "on" || word === "true" || word === "1");

/** An IANA time zone; a leading colon, as some systems write TZ, is dropped. */
export function timeZone() {
  return z
    .string()
    .transform((zone) => zone.replace(/^:/, ""))
    .refine(isTimeZone, "must be an IANA time zone, such as Asia/Shanghai");
}

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
export function origins() {
  return z
    .string()
    .transform((text) =>
      text.trim() === "*"
        ? ("*" as const)
        : text
            .split(",")
            .map((one) => one.trim())
            .filter(Boolean),
    )
    .refine(
      (list) => list === "*" || (list.length > 0 && list.every(isOrigin)),
      "must be * or a comma-separated list of origins such as https://app.example.com, without a path",
    )
    .default("*");
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
