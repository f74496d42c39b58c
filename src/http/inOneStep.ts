import type { MiddlewareHandler } from "hono";

/**
 * Middleware as a single step of Hono's, each calling the next directly: a step of its own costs two promises for every request
 * (bench/README.md, "What single changes brought"). Hono puts what was returned into `c.res`, and makes an answer of what was
 * thrown, at the end of a step only. So each must return what its `next` returns, unless none behind it in the step answers by
 * itself; and what one throws passes by all before it, so that who must see every answer stands last in its step.
 * @returns the same, with the descriptions that `describe` left on one of them
 */
export function inOneStep(...all: [MiddlewareHandler, ...MiddlewareHandler[]]): MiddlewareHandler {
  const first = all.reduceRight(
    (rest, one) => (c, next) => one(c, () => rest(c, next) as Promise<void>), // the last gets Hono's own `next`
  );
  return Object.assign(first, ...all);
}
