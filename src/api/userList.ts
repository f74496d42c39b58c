import type { Context } from "hono";
import type { Database } from "../db/connection.ts";
import { databaseFailure } from "../db/failures.ts";
import { type SharedDatabase, sharing } from "../db/sharing.ts";
import { type PublicUser, pageUsers } from "../db/users.ts";
import type { Deps } from "../http/deps.ts";
import { jsonAnswer, SUCCESS_TEXT } from "../http/envelope.ts";

/** Rows of the first page: a list up to this long is answered whole. */
const FIRST_PAGE = 1000;
/** Rows of those that follow: few enough for memory, many enough to be fast. */
const NEXT_PAGES = 3000;

const utf8 = new TextEncoder();

/** The answer that lists all users, or its beginning. */
export interface UserList {
  text: Uint8Array<ArrayBuffer>;
  /** The last id in it, if that is not all. */
  after: number | undefined;
}

/** Who waits for it is answered by one query, however many they are. */
const ALL = { most: Number.POSITIVE_INFINITY, least: Number.POSITIVE_INFINITY };

/** Reads the first page of the list. Those who wait for it share one query, and the text that is made of it. */
export const openUserList = (to: SharedDatabase): Promise<UserList> => firstPage(to, undefined);

const firstPage = sharing(async (db: Database, waiting: undefined[]) => {
  const rows = await pageUsers(db, undefined, FIRST_PAGE + 1);
  const whole = rows.length <= FIRST_PAGE;
  const text = `${SUCCESS_TEXT}[${elements(rows)}${whole ? "]}" : ""}`;
  const list: UserList = { text: utf8.encode(text), after: whole ? undefined : rows.at(-1)?.id };
  return waiting.map(() => list);
}, ALL);

/**
 * Answers with the list: whole, and so with its length, or in constant memory as the client takes it. If the database
 * fails on the way the connection is broken off, so that nobody takes the beginning for all.
 */
export function answerUserList(c: Context, deps: Deps, { text, after }: UserList) {
  if (after === undefined) return jsonAnswer<PublicUser[]>(c, text);
  const { promise, resolve } = Promise.withResolvers<void>();
  deps.hold?.(c, promise);
  // What follows the beginning may take as long as its client does, whatever the request has left.
  return jsonAnswer<PublicUser[]>(c, stream(text, restOfList(deps.database(c), after), deps.log, resolve));
}

/**
 * What comes after an id, a page at a time and read one page ahead. No connection is held in between.
 * @throws a database error
 */
async function* restOfList(db: Database, after: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let coming = pageUsers(db, after, NEXT_PAGES);
  for (;;) {
    const rows = await coming;
    const last = rows.length === NEXT_PAGES ? rows.at(-1) : undefined;
    if (last) {
      coming = pageUsers(db, last.id, NEXT_PAGES);
      coming.catch(() => {}); // thrown when its turn comes, if somebody still listens
    }
    const text = rows.length > 0 ? `,${elements(rows)}` : "";
    yield utf8.encode(last ? text : `${text}]}`);
    if (!last) return;
  }
}

/** A body that asks for the next piece when the client has taken the last, and for none when it has gone. */
function stream(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
  log: Deps["log"],
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(first),
    async pull(controller) {
      try {
        const { done, value } = await rest.next();
        if (!done) return controller.enqueue(value);
        onEnd();
        controller.close();
      } catch (error) {
        onEnd();
        log.warn({ code: databaseFailure(error)?.code }, "a list was broken off");
        controller.error(new Error("broken off"));
      }
    },
    async cancel() {
      onEnd();
      await rest.return(undefined);
    },
  });
}

/** Rows as the elements of a JSON array. */
const elements = (rows: PublicUser[]): string => JSON.stringify(rows).slice(1, -1);
