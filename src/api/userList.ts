import type { Context } from "hono";
import type { Database } from "../db/connection.ts";
import { databaseFailure } from "../db/failures.ts";
import { atEndOfTurn } from "../db/sharing.ts";
import { FIRST_USERS } from "../db/tokenQuestions.ts";
import { lastUserId, type PublicUser, pageUsers } from "../db/users.ts";
import type { Deps } from "../http/deps.ts";
import { jsonAnswer, SUCCESS_TEXT } from "../http/envelope.ts";

/** Rows of the pages that follow the first, unless the platform says otherwise: few enough for memory, many enough to be fast. */
const PAGE_ROWS = 3000;

/** How long a client may take to read past the beginning, in ms: the runtime does not tell of one that left before then. */
const BEGUN_MS = 10_000;

const utf8 = new TextEncoder();

/** The answer that lists all users, or its beginning. */
interface Beginning {
  text: Uint8Array<ArrayBuffer>;
  /** The last id in it, if that is not all. */
  after: number | undefined;
}

/** Made once for all requests that got the same first users. */
const beginnings = new WeakMap<PublicUser[], Beginning>();

function beginningOf(users: PublicUser[]): Beginning {
  const known = beginnings.get(users);
  if (known) return known;
  const whole = users.length < FIRST_USERS;
  const text = `${SUCCESS_TEXT}[${elements(users)}${whole ? "]}" : ""}`;
  const made = { text: utf8.encode(text), after: whole ? undefined : users.at(-1)?.id };
  beginnings.set(users, made);
  return made;
}

/**
 * Answers with the list: a short one whole, and so with its length, a long one in constant memory, as fast as the client takes
 * it. If the database fails on the way the connection is broken off, so that nobody takes a part for the whole.
 * @param begunMs how long a client may take until it reads on from the beginning
 */
export function answerUserList(
  c: Context,
  deps: Pick<Deps, "database" | "hold" | "log" | "listPageRows">,
  firstUsers: PublicUser[],
  begunMs = BEGUN_MS,
) {
  const { text, after } = beginningOf(firstUsers);
  if (after === undefined) return jsonAnswer<PublicUser[]>(c, text);
  if (c.req.method === "HEAD") {
    c.header("Transfer-Encoding", "chunked"); // as a GET has it
    return jsonAnswer<PublicUser[]>(c, text); // which is neither read nor cancelled: nothing may hang on its end
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  deps.hold?.(c, promise);
  // What follows the beginning may take as long as its client does: the request's limit of time does not hold for it.
  const db = deps.database(c);
  const last = lastUserId(db);
  last.catch(() => {}); // thrown when the rest is read
  const rest = restOfList(db, after, last, deps.listPageRows ?? PAGE_ROWS);
  return jsonAnswer<PublicUser[]>(c, stream(text, rest, deps.log, resolve, begunMs));
}

/**
 * What comes after an id, a page at a time and read one page ahead. No connection is held in between. Who registers later
 * is not in it: the token was good for what there was when it was asked about.
 * @throws a database error
 */
async function* restOfList(
  db: Database,
  after: number,
  lastId: Promise<number>,
  pageRows: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const upTo = await lastId;
  const next = (from: number) => nextPiece(db, from, upTo, pageRows);
  for (let coming = next(after); ; ) {
    const { text, last } = await coming;
    if (last !== undefined) {
      coming = next(last);
      coming.catch(() => {}); // thrown when its turn comes, if somebody still listens
    }
    yield await text;
    if (last === undefined) return;
  }
}

/**
 * A page as text, which takes less memory than its rows while it waits for the client. It is made when this turn ends, so that
 * the database works on the page after it meanwhile (where the runtime can tell of that end, see db/sharing.ts).
 * @returns no `last` for the last page
 */
async function nextPiece(db: Database, after: number, upTo: number, pageRows: number) {
  const rows = await pageUsers(db, after, pageRows, upTo);
  const last = rows.length === pageRows ? rows.at(-1)?.id : undefined;
  const text = new Promise<void>(atEndOfTurn).then(() => utf8.encode(pieceOf(rows, last === undefined)));
  text.catch(() => {}); // thrown when its turn comes, as above
  return { text, last };
}

/** What the rows of a page add to the array, and if they are the last, its end. */
const pieceOf = (rows: PublicUser[], isLast: boolean): string =>
  (rows.length > 0 ? `,${elements(rows)}` : "") + (isLast ? "]}" : "");

/** A body that asks for the next piece when the client has taken the one before, and for no more once it has gone. */
function stream(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
  log: Deps["log"],
  onEnd: () => void,
  begunMs: number,
): ReadableStream<Uint8Array> {
  let unread: ReturnType<typeof setTimeout> | undefined;
  let left = false;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(first);
      unread = setTimeout(() => {
        onEnd();
        controller.error(new Error("never read"));
      }, begunMs);
    },
    async pull(controller) {
      clearTimeout(unread);
      try {
        const { done, value } = await rest.next();
        if (!done) return controller.enqueue(value);
        onEnd();
        controller.close();
      } catch (error) {
        onEnd();
        if (left) return; // while a page was read, for nobody
        log.warn({ code: databaseFailure(error)?.code }, "a list was broken off");
        controller.error(new Error("broken off"));
      }
    },
    async cancel() {
      left = true;
      clearTimeout(unread);
      onEnd();
      await rest.return(undefined);
    },
  });
}

/** Rows as the elements of a JSON array. */
const elements = (rows: PublicUser[]): string => JSON.stringify(rows).slice(1, -1);
