import type { Database } from "./connection.ts";

interface Batch<K, V> {
  keys: K[];
  answers: Promise<V[]>;
}

/**
 * Lets those that wait for the same kind of query share one. While a query is in flight, whoever asks waits, and the next
 * query answers all of them: it is sent after the last of them has asked, so nobody is told what was true before. Who asks
 * alone does not wait. Each database object has its own queue: a runtime whose connections belong to one request hands
 * out one object a request, and shares nothing.
 * @param ask one query for many keys; its answers in the order of the keys
 * @param most keys in one query; what is over that goes in another one beside it
 */
export function sharing<K, V>(
  ask: (db: Database, keys: K[]) => Promise<V[]>,
  most: number,
): (db: Database, key: K) => Promise<V> {
  const queues = new WeakMap<Database, { running: Promise<unknown>; waiting: Batch<K, V> | undefined }>();
  return (db, key) => {
    const queue = queues.get(db) ?? { running: Promise.resolve(), waiting: undefined };
    queues.set(db, queue);

    let batch = queue.waiting;
    if (!batch || batch.keys.length >= most) {
      // Continued, and so sent, in the name of the first that waits: whoever had the query before is done with it.
      const opened: Batch<K, V> = { keys: [], answers: queue.running.then(send, send) };
      function send(): Promise<V[]> {
        if (queue.waiting === opened) queue.waiting = undefined;
        const answers = ask(db, opened.keys);
        queue.running = answers;
        return answers;
      }
      batch = opened;
      queue.waiting = opened;
    }
    const at = batch.keys.push(key) - 1;
    return batch.answers.then((answers) => answers[at] as V);
  };
}
