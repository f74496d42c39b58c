/**
 * An IP address in one spelling: IPv4 in dotted form, also where it is mapped into IPv6; IPv6 as RFC 5952 writes it. A
 * zone is dropped.
 * @returns null if it is none
 */
export function canonicalAddress(text: string): string | null {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const octets = text.split(".").map(Number);
    return octets.every((octet) => octet <= 255) ? octets.join(".") : null;
  }
  const bare = text.replace(/%.*$/, "");
  if (!bare.includes(":") || !/^[\da-f:.]+$/i.test(bare) || !URL.canParse(`http://[${bare}]`)) return null;
  const address = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const [h, l] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [h >> 8, h & 255, l >> 8, l & 255].join(".");
}

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address of it has all
 * of them (RFC 6177 section 2). Whatever else an address may be stands for itself.
 */
export function clientNetwork(address: string): string {
  const canonical = canonicalAddress(address);
  if (canonical === null || !canonical.includes(":")) return canonical ?? address;
  const [head = "", tail] = canonical.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  const whole = [...groups, ...Array(8 - groups.length - behind.length).fill("0"), ...behind];
  return `${whole.slice(0, 4).join(":")}::/64`;
}
