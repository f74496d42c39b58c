/** How many tokens with a good signature are remembered, with their payloads, which never change. About 1 KB each. */
const REMEMBERED = 10_000;

/** Remembers tokens whole, since another spelling is another text. */
export interface TokenMemory {
  /** The payload of a token that was kept, unless it was long ago. */
  find(token: string): unknown;
  keep(token: string, payload: unknown): void;
}

/**
 * Two generations: when the young one is full it becomes the old one, and a token of the old one that nobody asks for is
 * forgotten with the next change. No token is deleted singly: a Map would have to walk over those deleted at its beginning.
 * @param most how many it holds
 */
export function createTokenMemory(most = REMEMBERED): TokenMemory {
  let young = new Map<string, unknown>();
  let old = new Map<string, unknown>();
  const keep = (token: string, payload: unknown): void => {
    if (young.size >= most / 2) {
      old = young;
      young = new Map();
    }
    young.set(token, payload);
  };
  return {
    find(token) {
      const known = young.get(token);
      if (known !== undefined) return known;
      const earlier = old.get(token);
      if (earlier !== undefined) keep(token, earlier);
      return earlier;
    },
    keep,
  };
}
