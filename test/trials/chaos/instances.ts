import { CHEAP_ENV, TEST_SECRET, UNLIMITED } from "../../support/app.ts";
import { databaseUrl } from "../../support/database.ts";
import type { Address } from "../../support/engines/haproxy.ts";
import { freePort } from "../../support/haproxy.ts";
import { type Running, startService } from "../../support/process.ts";

/** Longer than a request takes; who picks an instance at random gets a "connection: close" from it meanwhile. */
const DRAIN_SECONDS = "1";

/** Instances of the service at fixed places, which may end and come back. */
export interface Instances {
  running: Running[];
  kill(index: number): Promise<void>;
  start(index: number): Promise<void>;
  /** Tells one to stop, waits until it has, and starts it again. @throws if it does not end well */
  restart(index: number): Promise<void>;
  end(): Promise<void>;
}

/** Starts one instance for each way to the database. */
export async function startInstances(database: string, ways: Address[]): Promise<Instances> {
  const environments = ways.map((way) => ({
    DATABASE_URL: databaseUrl({ ...way, database }),
    JWT_SECRET_KEY: TEST_SECRET,
    PORT: String(freePort()),
    DRAIN_SECONDS,
    ...CHEAP_ENV,
    ...UNLIMITED,
  }));
  const running: Running[] = [];
  const start = async (index: number) => {
    running[index] = await startService(environments[index] as Record<string, string>);
  };
  const kill = async (index: number) => {
    running[index]?.process.kill("SIGKILL");
    await running[index]?.process.exited;
  };
  const end = async () => void (await Promise.all(ways.map((_, index) => kill(index))));
  try {
    for (const index of ways.keys()) await start(index);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    running,
    kill,
    start,
    end,
    async restart(index) {
      const old = running[index] as Running;
      old.process.kill("SIGTERM");
      const code = await old.process.exited;
      if (code !== 0) throw new Error(`instance ${index + 1} ended with ${code}: ${old.stderr()}`);
      await start(index);
    },
  };
}
