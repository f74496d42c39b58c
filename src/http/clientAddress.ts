import type { Context } from "hono";
import { canonicalAddress } from "../auth/address.ts";
import type { Config } from "../config.ts";

/**
 * The client's address. Each proxy adds, at the right end of a header, the address that its request came from; what is
 * further left than the proxies of ours have written, anybody can send. So with `trustedHops` proxies it is the entry that
 * the first of them wrote, counted from the right; with none, the other end of the connection.
 * @param connection the other end of the connection, as the platform knows it
 * @returns null if the platform does not know
 */
export function clientAddress(
  config: Pick<Config, "trustedHops" | "forwardedHeader">,
  connection: string | null,
  c: Context,
): string | null {
  const nearest = connection === null ? null : (canonicalAddress(connection) ?? connection);
  if (config.trustedHops === 0) return nearest;
  const entry = forwardedFor(c, config.forwardedHeader).at(-config.trustedHops);
  return (entry === undefined ? null : canonicalAddress(entry)) ?? nearest;
}

/** Whether a proxy, or somebody who says to be one, has written whom it speaks for. */
export const isForwarded = (c: Context): boolean =>
  c.req.header("X-Forwarded-For") !== undefined || c.req.header("Forwarded") !== undefined;

/** The addresses of the header, the farthest first, without their ports. */
function forwardedFor(c: Context, header: Config["forwardedHeader"]): string[] {
  const value = c.req.header(header) ?? "";
  if (header === "x-forwarded-for") return value.split(",").map((entry) => withoutPort(entry.trim()));
  // RFC 7239 section 4: elements between commas, pairs between semicolons, either of which a quoted text may hold.
  const elements = value.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return elements.map((element) => {
    const [, quoted, token] = /(?:^|;)\s*for=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/i.exec(element) ?? [];
    return withoutPort(quoted ?? token ?? "");
  });
}

/** `192.0.2.1:80` and `[2001:db8::1]:80` without the port. */
function withoutPort(text: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  return bracketed ?? text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
