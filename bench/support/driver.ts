import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/runtime/localDatabase/run.ts";
import { cpuTicks, type Program } from "./servers.ts";
import { tool, workFolder } from "./tools.ts";

/** One request of a load. */
export interface Request {
  method: "GET" | "POST";
  path: string;
  /** With `Bearer`. */
  token?: string;
  body?: object;
}

/** A load that is ready to be sent as often as wanted. */
export interface Load {
  file: string;
  first: Request;
  /** Whether every request is good for one use. */
  once: boolean;
}

export interface Measured {
  requests: number;
  perSecond: number;
  /** Latencies in microseconds. */
  p50: number;
  p99: number;
  mean: number;
  /** Of one answer, headers included. */
  bytes: number;
  /** CPU time that the program took for a request, µs: it says the same on a machine that others use too. */
  cpu: number;
}

/** Writes requests down for wrk, which sends them in this order over all its connections. */
export async function load(name: string, requests: Request[], { once = false } = {}): Promise<Load> {
  const [first] = requests;
  if (!first) throw new TypeError("a load needs a request");
  await mkdir(workFolder, { recursive: true });
  const file = join(workFolder, `${name}.requests`);
  const line = ({ method, path, token = "", body }: Request) =>
    [method, path, token, body ? JSON.stringify(body) : ""].join("\t");
  await writeFile(file, `${requests.map(line).join("\n")}\n`, { mode: 0o600 });
  return { file, first, once };
}

/**
 * Sends a load for some seconds, by wrk in one thread, and looks at every answer's status.
 * @throws Error when an answer was no 2xx or 3xx, a connection broke, or requests good for one use ran out
 */
export async function drive(
  { origin, pid }: Program,
  { file, once }: Load,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<Measured> {
  const { path, env } = await tool("wrk");
  const script = join(import.meta.dir, "requests.lua");
  const options = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "20s", "-s", script];
  const before = cpuTicks(pid);
  const said = await run([path, ...options, origin, "--", file, once ? "once" : "cycle"], {
    env: { ...env, PATH: process.env.PATH ?? "" },
    timeout: (seconds + 60) * 1000,
  });
  const cpuUs = (cpuTicks(pid) - before) * 10_000;
  const line = said.stdout.split("\n").find((text) => text.startsWith("{"));
  if (!said.ok || !line) throw new Error(`wrk failed: ${said.stdout}${said.stderr}`);
  const { requests, us, bytes, p50, p99, mean, refused, broken, ranOut } = JSON.parse(line);
  if (refused || broken || ranOut || requests === 0)
    throw new Error(
      `${origin} ${file}: of ${requests} answers ${refused} refused, ${broken} broken, ran out: ${ranOut}`,
    );
  return {
    requests,
    perSecond: requests / (us / 1e6),
    p50,
    p99,
    mean,
    bytes: bytes / requests,
    cpu: cpuUs / requests,
  };
}

/** Sends one request and reads its answer. @throws Error unless it is a 200 */
export async function ask(origin: string, { method, path, token, body }: Request): Promise<string> {
  const response = await fetch(origin + path, {
    method,
    headers: {
      ...(token ? { Authorization: token } : {}),
      ...(body ? { "Content-Type": "application/json" } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
  return text;
}
