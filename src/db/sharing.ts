import type { Database } from "./connection.ts";
import { type Allowance, requestAllowance } from "./timeLimit.ts";

/** Where to ask what requests share. */
export interface SharedDatabase {
  /** Requests share with those that have the same pool. */
  shared: Database;
  /** The same with one limit of time for all that is asked there. */
  limited: (allowance: Allowance) => Database;
  /** What the asking request has left. */
  allowance: Allowance;
}

/** Somebody who waits for an answer. */
interface Asker<K, V> {
  key: K;
  /** Whose time it is, and since when it waits (`performance.now()`). */
  allowance: Allowance;
  since: number;
  answer: (value: V) => void;
  fail: (error: unknown) => void;
}

/** Those who wait for a kind of query, of one pool. */
interface Queue<K, V> {
  /** From whoever asked last: all lead to the same pool. */
  limited: SharedDatabase["limited"];
  askers: Asker<K, V>[];
  /** Queries that are under way and still waited for. */
  underWay: number;
  /** It is going to be sent at the end of this turn. */
  due: boolean;
  /** How many waited when it was last sent. */
  last: number;
}

/** Queries of a kind at once: while the database works on one, the answers from the other are written. */
const LANES = 2;

/** After this long the next query no longer waits for a slow one: all that waits is sent beside it. In ms. */
const PATIENCE_MS = 250;

/**
 * Calls back when all that has arrived by now is read. Where a runtime cannot tell (workerd without Node's API) each request has
 * a pool to itself, and nobody to wait for.
 */
export const atEndOfTurn: (work: () => void) => void =
  (globalThis as { setImmediate?: (work: () => void) => void }).setImmediate ?? queueMicrotask;

/**
 * Lets requests that wait for the same kind of query share one. While `LANES` of them are under way, whoever asks waits, and the
 * next query answers all who wait: it is sent after the last of them has asked, so nobody is told what was true before.
 * If the last query was for one request, the next is sent at once; if several shared it, when all that has arrived by then is
 * read. Each pool has its own queue: in a runtime whose connections belong to one request, each request has a pool and shares
 * nothing. A query has as much time as a request, since it must end for all who share it; what each waited is taken off what
 * it has left.
 * @param ask one query for many keys; its answers in the order of the keys
 * @param limits `most` keys in one query; up to `least` are not dealt out to two
 */
export function sharing<K, V>(
  ask: (db: Database, keys: K[]) => Promise<V[]>,
  { most, least, patienceMs = PATIENCE_MS }: { most: number; least: number; patienceMs?: number },
): (to: SharedDatabase, key: K) => Promise<V> {
  const queues = new WeakMap<object, Queue<K, V>>();

  /** Sends what waits: as far as there are lanes, or all of it. */
  const send = (queue: Queue<K, V>, all = false): void => {
    queue.due = false;
    const waiting = queue.askers.length;
    while (queue.askers.length > 0 && (all || queue.underWay < LANES)) {
      queue.last = waiting;
      const dealt = Math.ceil(queue.askers.length / Math.max(1, LANES - queue.underWay));
      const askers = queue.askers.splice(0, Math.min(most, Math.max(least, dealt)));
      const next = begin(queue);
      const keys = askers.map(({ key }) => key);
      ask(queue.limited(requestAllowance()), keys).then(
        (answers) => {
          next();
          charge(askers);
          for (const [at, { answer }] of askers.entries()) answer(answers[at] as V);
        },
        (error) => {
          next();
          charge(askers);
          for (const { fail } of askers) fail(error);
        },
      );
    }
  };

  /** Takes a lane. @returns what gives it back and sends what waits. When patience is over that happens by itself, and all is sent. */
  const begin = (queue: Queue<K, V>): (() => void) => {
    let taken = true;
    queue.underWay++;
    const giveBack = (all: boolean) => {
      clearTimeout(timer);
      if (!taken) return;
      taken = false;
      queue.underWay--;
      send(queue, all);
    };
    const timer = setTimeout(giveBack, patienceMs, true);
    return () => giveBack(false);
  };

  return ({ shared, limited, allowance }, key) => {
    const pool = shared.$client?.pool ?? shared;
    const queue = queues.get(pool) ?? { limited, askers: [], underWay: 0, due: false, last: 1 };
    queues.set(pool, queue);
    queue.limited = limited;
    const since = performance.now();
    const answered = new Promise<V>((answer, fail) =>
      queue.askers.push({ key, allowance, since, answer, fail }),
    );
    if (!queue.due && queue.underWay < LANES) {
      queue.due = true;
      if (queue.underWay === 0 && queue.last === 1) send(queue);
      else atEndOfTurn(() => send(queue));
    }
    return answered;
  };
}

/** Takes what they waited off what they have left. */
function charge(askers: Pick<Asker<unknown, unknown>, "allowance" | "since">[]): void {
  const now = performance.now();
  for (const { allowance, since } of askers) allowance.leftMs -= now - since;
}
