import type { Context } from "hono";
import { canonicalAddress } from "../auth/address.ts";
import type { Config } from "../config.ts";

/**
 * The client's address. Each proxy adds, at the right end of a header, the address that its request came from; what stands
 * further to the left than our own proxies have written, anybody can send. So with `trustedHops` proxies it is the entry that
 * the first of them wrote, counted from the right; with none, the other end of the connection.
 * @param connection finds out the other end of the connection, as the platform knows it: on Bun a system call, so only when needed
 * @returns null if the platform does not know
 */
export function clientAddress(
  config: Pick<Config, "trustedHops" | "forwardedHeader">,
  connection: () => string | null,
  c: Context,
): string | null {
  const nearest = () => {
    const address = connection();
    return address?.includes(":") ? (canonicalAddress(address) ?? address) : address;
  };
  if (config.trustedHops === 0) return nearest();
  const value = c.req.header(config.forwardedHeader) ?? "";
  const entry =
    config.forwardedHeader === "forwarded"
      ? forwardedFor(elementFromRight(value, config.trustedHops))
      : value.split(",").at(-config.trustedHops)?.trim();
  return (entry === undefined ? null : canonicalAddress(withoutPort(entry))) ?? nearest();
}

/**
 * Whether a proxy, or somebody who claims to be one, says that it speaks for another client than the one we see. A platform
 * that knows the client itself writes the same address into the header.
 */
export function isForwarded(c: Context, address: string | null): boolean {
  const last = c.req.header("X-Forwarded-For")?.split(",").at(-1)?.trim();
  return (
    (last !== undefined && canonicalAddress(last) !== address) || c.req.header("Forwarded") !== undefined
  );
}

/**
 * An element of `Forwarded` (RFC 7239 section 4): they are separated by commas, which a quoted text may hold too. Read from the
 * right, where our proxies wrote: what stands before that anybody can send, and it may open a quotation that swallows theirs.
 * @returns undefined if there is none, or if an escaped quote is in the way: no address has one, so it can only be a trick
 */
function elementFromRight(value: string, position: number): string | undefined {
  let quoted = false;
  let end = value.length;
  for (let at = value.length - 1, left = position; at >= -1; at--) {
    if (value[at] === '"' && value[at - 1] === "\\") return undefined;
    if (value[at] === '"') quoted = !quoted;
    if (quoted || (at >= 0 && value[at] !== ",")) continue;
    if (--left === 0) return value.slice(at + 1, end);
    end = at;
  }
  return undefined;
}

/** The value of `for` in an element whose quotes are balanced. Semicolons separate its pairs, and may stand within quotes. */
function forwardedFor(element: string | undefined): string | undefined {
  const pairs = element?.match(/(?:[^;"]|"[^"]*")+/g) ?? [];
  const values = pairs.map((pair) => /^\s*for=(?:"([^"]*)"|([^"\s]*))\s*$/i.exec(pair));
  const found = values.find((value) => value !== null);
  return found?.[1] ?? found?.[2];
}

/** `192.0.2.1:80` and `[2001:db8::1]:80` without the port. */
function withoutPort(text: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  return bracketed ?? text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
