import { rawConnect } from "../../support/raw.ts";

const UNFINISHED = {
  head: "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ",
  body: "POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n",
};

/** A wait that is no slow client's doing any more. */
const GIVEN_UP_SECONDS = 60;

/** How long the service bears a request that comes at a byte a second, in seconds; null if it had no end. */
export async function patience(port: number, part: keyof typeof UNFINISHED): Promise<number | null> {
  const connection = await rawConnect(port);
  const startedAt = performance.now();
  connection.send(UNFINISHED[part]);
  const drip = setInterval(() => connection.isOpen() && connection.send("a"), 1000);
  await Promise.race([connection.closed, Bun.sleep(GIVEN_UP_SECONDS * 1000)]);
  clearInterval(drip);
  const ended = !connection.isOpen();
  connection.hangUp();
  return ended ? (performance.now() - startedAt) / 1000 : null;
}
