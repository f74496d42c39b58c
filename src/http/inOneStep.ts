import type { MiddlewareHandler } from "hono";

/**
 * Middleware as a single step of Hono's, each calling the next directly: a step of its own costs two promises, a closure and a
 * turn through `c.res`, for every request (bench/README.md, "Last run"). Only at the end of a step does Hono put what was returned
 * into `c.res`, and make an answer of what was thrown. So each must return what its `next` returns, and only who stands last in
 * a step, or before others that answer nothing themselves, may look at the answer.
 * @returns the same, with the descriptions that `describe` left on one of them
 */
export function inOneStep(...all: MiddlewareHandler[]): MiddlewareHandler {
  const first = all.reduceRight<MiddlewareHandler>(
    (rest, one) => (c, next) => one(c, () => rest(c, next) as Promise<void>),
    (_c, next) => next(),
  );
  return Object.assign(first, ...all);
}
