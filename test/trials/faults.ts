import { CHEAP_ENV, TEST_SECRET, UNLIMITED } from "../support/app.ts";
import { databaseUrl } from "../support/database.ts";
import { type Fault, faults } from "../support/faults.ts";
import { type OwnServer, ownServer } from "../support/ownServer.ts";
import { over, type Running, startService, until } from "../support/process.ts";
import { client, findLost, Tally } from "./load.ts";

// Two instances and many clients on a database server of their own, to which one thing after the other is done.
// bun test/trials/faults.ts [part of a fault's name]; exit code 1 if any answer was wrong or anything told was lost.

const CLIENTS = 40;
/** How long requests go on before, during and after a fault, in ms. */
const CALM_MS = 1_000;
const FAULT_MS = 6_000;

const say = (line: string) => process.stdout.write(`${line}\n`);
const row = (cells: (string | number)[]) =>
  say(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(20) : String(cell).padStart(10))).join(""));

async function trial(server: OwnServer, instances: Running[], strike: Fault) {
  const services = instances.map(over);
  const tally = new Tally();
  let running = true;
  const clients = Array.from({ length: CLIENTS }, () => client(services, tally, () => running));
  await Bun.sleep(CALM_MS);
  const heal = await strike(server);
  const unready = await Promise.all(instances.map(({ origin }) => timed(fetch(`${origin}/readyz`))));
  await Bun.sleep(FAULT_MS);
  await heal();
  const begun = performance.now();
  await Promise.all(instances.map(recovered));
  const recoveryMs = performance.now() - begun;
  await Bun.sleep(CALM_MS);
  running = false;
  await Promise.all(clients);
  const lost = await findLost(services[0] as (typeof services)[0], tally);
  return { tally, lost, recoveryMs, readyMs: Math.max(...unready) };
}

/** Until it has read and written something. */
const recovered = (instance: Running) =>
  until(
    () =>
      over(instance)
        .newUser()
        .catch(() => undefined),
    () => "it did not recover",
  );

async function timed(work: Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work;
  return performance.now() - begun;
}

const filter = process.argv[2] ?? "";
const chosen = Object.entries(faults).filter(([name]) => name.includes(filter));
const instances: Running[] = [];
const server = await ownServer();
let bad = chosen.length === 0 ? 1 : 0;
try {
  const env = {
    DATABASE_URL: databaseUrl(server.target),
    JWT_SECRET_KEY: TEST_SECRET,
    ...CHEAP_ENV,
    ...UNLIMITED,
  };
  instances.push(await startService(env), await startService({ ...env, MIGRATE_ON_START: "off" }));
  row(["fault", "requests", "answered", "503", "slowest ms", "readyz ms", "back ms", "wrong", "lost"]);
  for (const [name, strike] of chosen) {
    const { tally, lost, recoveryMs, readyMs } = await trial(server, instances, strike);
    const { requests, answered, unavailable, slowestMs, wrong } = tally;
    const times = [slowestMs, readyMs, recoveryMs].map(Math.round);
    row([name, requests, answered, unavailable, ...times, wrong.length, lost.length]);
    bad += wrong.length + lost.length;
    for (const what of new Set([...wrong, ...lost].slice(0, 20))) say(`    ${what}`);
  }
} finally {
  for (const { process: instance } of instances) {
    instance.kill("SIGKILL");
    await instance.exited;
  }
  await server[Symbol.asyncDispose]();
}
process.exit(bad > 0 ? 1 : 0);
