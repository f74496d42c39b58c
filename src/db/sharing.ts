import type { Database } from "./connection.ts";
import { type Allowance, chargedWait } from "./timeLimit.ts";

interface Batch<K, V> {
  keys: K[];
  answers: Promise<V[]> | undefined;
}

/** The query in flight, and those that wait for it to end. */
interface Queue<K, V> {
  running: Promise<unknown> | undefined;
  waiting: Batch<K, V> | undefined;
}

/** A query that takes longer than this is waited for no more: the next one goes beside it. In ms. */
const PATIENCE_MS = 250;

/**
 * Lets those that wait for the same kind of query share one. While a query is in flight, whoever asks waits, and the next
 * query answers all of them: it is sent after the last of them has asked, so nobody is told what was true before. Who asks
 * alone does not wait. Each pool has its own queue: in a runtime whose connections belong to one request, each request has
 * a pool, and shares nothing.
 * The function it returns takes the time off the allowance that it is given.
 * @param ask one query for many keys; its answers in the order of the keys
 * @param most keys in one query; what is over that goes in another one beside it
 */
export function sharing<K, V>(
  ask: (db: Database, keys: K[]) => Promise<V[]>,
  most: number,
): (db: Database, key: K, allowance?: Allowance) => Promise<V> {
  const queues = new WeakMap<object, Queue<K, V>>();
  const send = async (db: Database, queue: Queue<K, V>, batch: Batch<K, V>): Promise<V[]> => {
    if (queue.running) await ended(queue.running);
    if (queue.waiting === batch) queue.waiting = undefined;
    const answers = ask(db, batch.keys);
    queue.running = answers;
    try {
      return await answers;
    } finally {
      if (queue.running === answers) queue.running = undefined;
    }
  };
  return async (db, key, allowance) => {
    const pool = db.$client?.pool ?? db;
    let queue = queues.get(pool);
    if (!queue) {
      queue = { running: undefined, waiting: undefined };
      queues.set(pool, queue);
    }
    let batch = queue.waiting;
    if (!batch || batch.keys.length >= most) {
      batch = { keys: [], answers: undefined };
      queue.waiting = batch;
    }
    const at = batch.keys.push(key) - 1;
    batch.answers ??= send(db, queue, batch);
    return (await chargedWait(allowance, batch.answers))[at] as V;
  };
}

/** Waits until something has ended, well or not, but no longer than patience lasts. */
async function ended(work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([work, late]).catch(() => {});
  clearTimeout(timer);
}
