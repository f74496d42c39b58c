import { TEST_SECRET } from "./app.ts";
import { databaseUrl, emptyDatabase } from "./database.ts";
import { freePort, startHaproxy } from "./haproxy.ts";
import { type Figures, load } from "./load.ts";
import { type Running, startService, until } from "./process.ts";

const CHEAP = { ARGON2_MEMORY_KIB: "64", ARGON2_TIME_COST: "1" };

/**
 * Restarts two instances behind HAProxy one after the other, `rounds` times, while `users` work.
 * @param report takes a line of progress
 * @throws Error if an instance or HAProxy does not start, or an instance does not end with 0
 */
export async function rollingRestart(
  options: { rounds: number; users: number; drainSeconds: number },
  report: (line: string) => void = () => {},
): Promise<Figures> {
  const env = {
    DATABASE_URL: databaseUrl(await emptyDatabase()),
    JWT_SECRET_KEY: TEST_SECRET,
    DRAIN_SECONDS: String(options.drainSeconds),
    ...CHEAP,
  };
  const ports: [number, number] = [freePort(), freePort()];
  const front = freePort();
  const instances: Running[] = [];
  const undo: (() => unknown)[] = [];
  try {
    for (const port of ports) instances.push(await startAt(port, env));
    undo.push(() => Promise.all(instances.map(end)));
    const haproxy = await startHaproxy(ports, front);
    undo.push(haproxy.stop);
    let running = true;
    const figures = load(front, options.users, () => running);
    undo.push(() => {
      running = false;
      return figures;
    });
    for (const instance of instances) await servesLoad(instance);
    for (let round = 1; round <= options.rounds; round++) {
      for (const [i, port] of ports.entries()) {
        const old = instances[i] as Running;
        old.process.kill("SIGTERM");
        const code = await old.process.exited;
        if (code !== 0) throw new Error(`instance ${i + 1} ended with ${code}: ${old.stderr()}`);
        instances[i] = await startAt(port, env);
        await servesLoad(instances[i] as Running);
        report(`round ${round}: instance ${i + 1} restarted`);
      }
    }
    running = false;
    return await figures;
  } finally {
    while (undo.length > 0) await undo.pop()?.();
  }
}

const startAt = (port: number, env: Record<string, string>) => startService({ ...env, PORT: String(port) });

/** Until the proxy has sent it requests: only then may the other one go. */
const servesLoad = (instance: Running) =>
  until(
    async () => {
      const metrics = await fetch(`${instance.origin}/metrics`).then((answer) => answer.text());
      return /^http_request_duration_seconds_count\{method="GET",route="\/api\/getUser"/m.test(metrics);
    },
    () => "the proxy sends it nothing",
    instance.process.exited,
  );

async function end({ process }: Running): Promise<void> {
  process.kill("SIGKILL");
  await process.exited;
}
