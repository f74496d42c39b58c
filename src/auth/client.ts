import { clientNetwork } from "./address.ts";

/** Who asked, for the session list: what the client says it is, and where it came from. */
export interface Client {
  userAgent: string | null;
  address: string | null;
}

/** Cuts what a client says of itself to the columns' lengths (255 and 45 characters), on whole characters. */
export function fitted({ userAgent, address }: Client): Client {
  const cut = (text: string | null, length: number) =>
    text === null ? null : [...text.toWellFormed()].slice(0, length).join("");
  return { userAgent: cut(userAgent, 255), address: cut(address, 45) };
}

/** The network a client is counted by: all clients of one may be the same (see `clientNetwork`). */
export const networkOf = ({ address }: Client): string =>
  address === null ? "unknown" : clientNetwork(address);
