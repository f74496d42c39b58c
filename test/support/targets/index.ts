import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Database } from "../../../src/db/connection.ts";
import { targetOf } from "../database.ts";
import { collect } from "../process.ts";
import { until } from "../until.ts";
import { overTcp, stopRelays } from "./relay.ts";
import {
  decodeLines,
  encode,
  INSTANCE_PATH,
  type InstanceOptions,
  type Line,
  LOG_HEADER,
  SIDE_HEADER,
  type Side,
} from "./sideChannel.ts";
import { startWorkerd } from "./workerdProcess.ts";

/** What the contract is run against: the app in this process, a Bun process, or workerd. */
export const TARGETS = ["app", "bun", "workerd"] as const;
export type Target = (typeof TARGETS)[number];

/** The one that `testApp` uses. */
export const TARGET: Target = chosen(process.env.TEST_TARGET || "app");

function chosen(name: string): Target {
  const target = TARGETS.find((one) => one === name);
  if (!target) throw new Error(`TEST_TARGET: there is no target ${name}`);
  return target;
}

/** Thrown where a test hands over what cannot leave this process. */
export class NotCarried extends Error {
  override readonly name = "NotCarried";
}

const leftOut: string[] = [];

/**
 * A test that hands the app something of this process. On the other targets it is left out, by name and loudly, and it is
 * checked that it has to be: it must come to the point where it hands that over.
 * @param why for whoever reads what was left out
 */
export const inProcess =
  (why: string) =>
  (name: string, body: () => Promise<void>): void => {
    if (TARGET === "app") return void test(name, body);
    test(`cannot be on ${TARGET} (${why}): ${name}`, async () => {
      expect(await body().catch((error) => error)).toBeInstanceOf(NotCarried);
      leftOut.push(`${name} (${why})`);
    });
  };

type Server = { origin: string; stop: () => Promise<void> };
const servers = new Map<Target, Promise<Server>>();

/** The process of a target, started when first asked for. */
function server(target: Exclude<Target, "app">): Promise<Server> {
  const known = servers.get(target);
  if (known) return known;
  const started = target === "bun" ? startBun() : startWorkerd("test/support/targets/workerd.ts");
  servers.set(target, started);
  return started;
}

async function startBun(): Promise<Server> {
  const child = Bun.spawn([process.execPath, "--no-env-file", join(import.meta.dir, "bun.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const stdout = collect(child.stdout);
  const origin = await until(
    () => /^(http:.*)\n/.exec(stdout())?.[1],
    () => "the Bun process did not start",
    child.exited,
  );
  const stop = async () => {
    child.stdin.end();
    await child.exited;
  };
  return { origin, stop };
}

/** Ends what the run started, and says what was left out. */
export async function stopTargets(): Promise<void> {
  for (const started of servers.values()) await (await started).stop();
  servers.clear();
  await stopRelays();
  if (leftOut.length > 0)
    process.stderr.write(
      `left out on ${TARGET}: ${leftOut.length} tests\n${leftOut.map((one) => `  ${one}\n`).join("")}`,
    );
}

const databases = new WeakMap<Database, string>();

/** An instance on a target, and how to send it requests. Its log lines are handed to `keep` as they come. */
export async function remoteInstance(
  target: Exclude<Target, "app">,
  { env, db }: { env: Record<string, string>; db: Database },
  side: () => Omit<Side, "instance" | "agent">,
  keep: (lines: Line[]) => void,
): Promise<(path: string, init: RequestInit) => Promise<Response>> {
  const { origin } = await server(target);
  const at = targetOf(db);
  if (!at) throw new NotCarried("a database object of the test's own");
  const key = databases.get(db) ?? crypto.randomUUID();
  databases.set(db, key);
  const database = { key, target: target === "workerd" ? await overTcp(at) : at };
  const options: InstanceOptions = { instance: crypto.randomUUID(), env, database };
  const made = await fetch(origin + INSTANCE_PATH, { method: "POST", body: JSON.stringify(options) });
  if (!made.ok) throw new Error(`no instance: ${made.status} ${await made.text()}`);
  return async (path, init) => {
    const headers = new Headers(init.headers);
    const agent = headers.get("User-Agent");
    // What is beyond ASCII in a header Bun reads as Latin-1, as `fetch` writes it, and workerd as UTF-8.
    if (agent && target === "workerd") headers.set("User-Agent", Buffer.from(agent).toString("latin1"));
    headers.set(SIDE_HEADER, encode({ ...side(), instance: options.instance, agent: agent !== null }));
    const response = await fetch(origin + path, { ...init, headers, redirect: "manual" });
    keep(decodeLines(response.headers.get(LOG_HEADER)));
    response.headers.delete(LOG_HEADER);
    return response;
  };
}
