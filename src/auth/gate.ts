import { ApiError } from "../errors.ts";
import type { GateDepth, GateObserver } from "./observers.ts";

/** How much hashing there may be. */
export interface GateLimits {
  /** Hashes at once. */
  concurrency: number;
  /** Hashes that may wait. */
  queueLimit: number;
  /** Places for `admit`, on a platform that may end work midway: each counts as free again after a minute. */
  places?: number;
}

/**
 * The way to the hashes. Requests are told apart by network (see `networkOf`), so that one network which sends many waits for
 * itself, and the others do not wait for it.
 */
export interface Gate {
  /**
   * Takes a place for work that ends in a hash, before it asks the database. While all are taken the rest is refused
   * without a query, so that no flood of logins queues up for the connections that everybody needs. One network alone gets
   * at most three quarters of the places to wait in.
   * @throws ApiError `overloaded` when there is none; what the work throws
   */
  admit<T>(from: string, work: () => Promise<T>): Promise<T>;
  /** Refuses early, at next to no cost. @throws ApiError `overloaded` if `admit` would have no place */
  requireRoom(from: string): void;
  /**
   * Runs the work when its turn comes; the networks that wait take turns. Within a place there is always room to wait, for
   * one hash after the other.
   * @throws ApiError `overloaded` for who has no place, when too many wait already; what the work throws
   */
  turn<T>(from: string, work: () => Promise<T>): Promise<T>;
  depth(): GateDepth;
}

/** After this long a place that nobody gave back counts as free, in ms. */
const FORGOTTEN_MS = 60_000;

interface Place {
  from: string;
  /** By `performance.now()`. */
  since: number;
}

/** Hashes share the cores with the thread that answers, so without a gate logins starve everything else. */
export function createGate(
  { concurrency, queueLimit, places: fewer }: GateLimits,
  observer?: GateObserver,
): Gate {
  const places = fewer ?? concurrency + queueLimit;
  const taken = new Set<Place>();
  /** How many each network has. */
  const held = new Map<string, number>();
  /** The places that one network may take. Without a queue every place is one to wait in. */
  const share = places - Math.floor((Number.isFinite(concurrency) ? places - concurrency : places) / 4);
  /** Those who wait for their turn, by network; the network whose turn was last stands at the end. */
  const lanes = new Map<string, (() => void)[]>();
  let running = 0;
  let waiting = 0;

  const refusal = (): ApiError => {
    observer?.onRefusal();
    return new ApiError("overloaded");
  };
  const isFull = (from: string): boolean => taken.size >= places || (held.get(from) ?? 0) >= share;
  const take = (from: string): Place => {
    const place = { from, since: performance.now() };
    taken.add(place);
    held.set(from, (held.get(from) ?? 0) + 1);
    return place;
  };
  const giveBack = (place: Place): void => {
    if (!taken.delete(place)) return; // forgotten meanwhile
    const left = (held.get(place.from) ?? 0) - 1;
    if (left > 0) held.set(place.from, left);
    else held.delete(place.from);
  };
  const requireRoom = (from: string): void => {
    if (!isFull(from)) return;
    if (fewer !== undefined)
      for (const place of taken) if (performance.now() - place.since > FORGOTTEN_MS) giveBack(place);
    if (isFull(from)) throw refusal();
  };
  const wait = (from: string): Promise<void> =>
    new Promise((begin) => {
      waiting++;
      const lane = lanes.get(from);
      if (lane) lane.push(begin);
      else lanes.set(from, [begin]);
    });
  /** Hands the turn of one that has ended to the next. */
  const callUp = (): void => {
    running--;
    const [next] = lanes;
    if (!next) return;
    const [from, lane] = next;
    lanes.delete(from);
    const begin = lane.shift();
    if (lane.length > 0) lanes.set(from, lane);
    waiting--;
    running++;
    begin?.();
  };

  return {
    requireRoom,
    async admit(from, work) {
      requireRoom(from);
      const place = take(from);
      try {
        return await work();
      } finally {
        giveBack(place);
      }
    },
    async turn(from, work) {
      if (running + waiting >= concurrency + queueLimit) throw refusal();
      const askedAt = performance.now();
      if (running < concurrency) running++;
      else await wait(from);
      try {
        observer?.onWait((performance.now() - askedAt) / 1000);
        return await work();
      } finally {
        callUp();
      }
    },
    depth: () => ({ running, waiting }),
  };
}
