import { type RawAnswer, type RawConnection, rawConnect } from "../../support/raw.ts";

/** What became of a flood's requests. */
export interface Tally {
  requests: number;
  /** By status, and code if there is one. */
  answers: Record<string, number>;
  /** Those that were not to be expected, with an example. */
  wrong: Record<string, number>;
  /** Connections that ended, or were refused, with a request unanswered. */
  lost: number;
  /** Longest wait for any answer, and for a 503, in milliseconds. */
  slowestMs: number;
  refusedMs: number;
}

export interface Flood {
  port: number;
  token: string;
  tally: Tally;
  running: () => boolean;
  stopped: Promise<void>;
  /** To be called once the flood stands. */
  on: () => void;
}

export const PEOPLE = ["ada", "grace", "edsger", "barbara", "alan"].map((name) => ({
  username: `flood-${name}`,
  password: `a long passphrase of ${name}`,
}));

export const codeOf = ({ status, body }: RawAnswer): string => {
  const code = /"code":"(\w+)"/.exec(body)?.[1];
  return code ? `${status} ${code}` : String(status);
};

/** Sends one request and waits for its answer. @returns whether the connection can go on */
export async function exchange(
  connection: RawConnection,
  tally: Tally,
  request: string,
  expected: (answer: RawAnswer) => boolean,
): Promise<boolean> {
  const before = connection.answers().length;
  const sentAt = performance.now();
  tally.requests++;
  connection.send(request);
  const answer = (await connection.until(before + 1))[before];
  if (!answer) tally.lost++;
  else judge(tally, answer, expected(answer), performance.now() - sentAt);
  return connection.isOpen();
}

export function judge(tally: Tally, answer: RawAnswer, right: boolean, ms: number): void {
  const code = codeOf(answer);
  tally.answers[code] = (tally.answers[code] ?? 0) + 1;
  if (!right) {
    const example = `${code} ${answer.body.slice(0, 80)}`;
    tally.wrong[example] = (tally.wrong[example] ?? 0) + 1;
  }
  tally.slowestMs = Math.max(tally.slowestMs, ms);
  if (answer.status === 503) tally.refusedMs = Math.max(tally.refusedMs, ms);
}

/**
 * Does something over and over, that many at a time, each time on a new connection and after a pause: without one the
 * flood's own process would take the processor from the service.
 */
export async function each(
  flood: Flood,
  width: number,
  pauseMs: number,
  once: (connection: RawConnection) => Promise<unknown>,
) {
  const loop = async () => {
    while (flood.running()) {
      const connection = await rawConnect(flood.port).catch(() => undefined);
      if (!connection) {
        flood.tally.lost++;
        await Bun.sleep(10);
        continue;
      }
      await once(connection);
      connection.hangUp();
      await Bun.sleep(pauseMs);
    }
  };
  const loops = Array.from({ length: width }, loop);
  flood.on();
  await Promise.all(loops);
}

/** Opens that many connections, some hundred at once. */
export async function open(flood: Flood, count: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  while (connections.length + flood.tally.lost < count && flood.running()) {
    const some = Array.from({ length: 200 }, () =>
      rawConnect(flood.port).then(
        (connection) => connections.push(connection),
        () => flood.tally.lost++,
      ),
    );
    await Promise.all(some);
  }
  return connections;
}
