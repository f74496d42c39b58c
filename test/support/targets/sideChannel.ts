import type { Log, LogFields } from "../../../src/auth/context.ts";
import type { DatabaseTarget } from "../../../src/config/database.ts";

/** What a test sets at once for all requests of an instance. */
export interface InstanceOptions {
  /** By which later requests name it. */
  instance: string;
  env: Record<string, string>;
  /** Instances with the same key share what their tests had as one pool. */
  database: { key: string; target: DatabaseTarget };
}

/** What a test may change between two requests. */
export interface Side {
  instance: string;
  nowMs: number;
  address: string;
  draining: boolean;
  /** Whether the test sent a User-Agent: `fetch` sends one of its own otherwise. */
  agent: boolean;
}

/** A line as the app wrote it. */
export interface Line {
  level: string;
  fields: LogFields;
  message: string;
}

/** Where an instance is made. No path of the service's. */
export const INSTANCE_PATH = "/test-instance";
export const SIDE_HEADER = "X-Test-Side";
export const LOG_HEADER = "X-Test-Log";

export const encode = (value: unknown): string => encodeURIComponent(JSON.stringify(value));
export const decode = <T>(text: string | null): T => JSON.parse(decodeURIComponent(text ?? "null")) as T;

/** Lines as they are: JSON would leave out the fields that have no value. */
export const encodeLines = (lines: Line[]): string =>
  encode(lines.map((line) => ({ ...line, fields: Object.entries(line.fields) })));
export const decodeLines = (text: string | null): Line[] =>
  decode<{ level: string; fields: [string, Line["fields"][string]][]; message: string }[]>(text).map(
    (line) => ({ ...line, fields: Object.fromEntries(line.fields.map(([name, value]) => [name, value])) }),
  );

/** What the test has in hand in place of the platform. */
export interface InHand {
  clock: () => number;
  log: Log;
  draining: () => boolean;
}

/** One instance of the service in a process of its own. */
type Instance = (request: Request, address: string) => Response | Promise<Response>;

/**
 * Serves instances of the service, whose clock, addresses and log are in a test's hand: they come in a header beside each
 * request, and lines go back in one beside the answer. The app sees neither header.
 */
export function withSideChannel<Extra>(
  build: (options: InstanceOptions, inHand: InHand) => Promise<(extra: Extra) => Instance>,
): (request: Request, extra: Extra) => Promise<Response> {
  const instances = new Map<
    string,
    { side: Side | undefined; lines: Line[]; serve: (extra: Extra) => Instance }
  >();
  return async (request, extra) => {
    if (new URL(request.url).pathname === INSTANCE_PATH) {
      const options = (await request.json()) as InstanceOptions;
      const made = { side: undefined as Side | undefined, lines: [] as Line[] };
      const keep = (level: string) => (fields: LogFields, message: string) =>
        void made.lines.push({ level, fields, message });
      const serve = await build(options, {
        clock: () => made.side?.nowMs ?? 0,
        log: { info: keep("info"), warn: keep("warn"), error: keep("error") },
        draining: () => made.side?.draining ?? false,
      });
      instances.set(options.instance, Object.assign(made, { serve }));
      return new Response("made");
    }
    const side = decode<Side>(request.headers.get(SIDE_HEADER));
    const instance = instances.get(side.instance);
    if (!instance) throw new Error("no such instance");
    instance.side = side;
    const headers = new Headers(request.headers);
    headers.delete(SIDE_HEADER);
    if (!side.agent) headers.delete("User-Agent");
    const response = await instance.serve(extra)(new Request(request, { headers }), side.address);
    response.headers.set(LOG_HEADER, encodeLines(instance.lines.splice(0)));
    return response;
  };
}
