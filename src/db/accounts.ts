import { asc, eq, gt } from "drizzle-orm";
import type { Database } from "./connection.ts";
import { users } from "./schema.ts";

/** An account as an operator looks at it. */
export interface AccountDetails {
  id: number;
  username: string;
  pwd: string | null;
  created_at: string;
  updated_at: string;
  /** Epoch seconds; null: not disabled. */
  disabledAt: number | null;
}

const details = {
  id: users.id,
  username: users.username,
  pwd: users.pwd,
  created_at: users.createdAt,
  updated_at: users.updatedAt,
  disabledAt: users.disabledAt,
};

/** The account of that name as the collation compares names, or undefined. */
export async function findAccount(db: Database, username: string): Promise<AccountDetails | undefined> {
  const [row] = await db.select(details).from(users).where(eq(users.username, username)).limit(1);
  return row;
}

/** All accounts by id, a page at a time: a large table must not be held in memory. */
export async function* accountPages(db: Database): AsyncGenerator<AccountDetails[]> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = await db
      .select(details)
      .from(users)
      .where(gt(users.id, after))
      .orderBy(asc(users.id))
      .limit(1000);
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    after = last.id;
  }
}

/** Stores another password, whatever it was. */
export async function setPassword(
  db: Database,
  id: number,
  change: { pwd: string; salt: string; updatedAt: string },
): Promise<void> {
  await db.update(users).set(change).where(eq(users.id, id));
}

/** Disables from a moment on (epoch seconds), or enables with null. */
export async function setDisabled(db: Database, id: number, disabledAt: number | null): Promise<void> {
  await db.update(users).set({ disabledAt }).where(eq(users.id, id));
}

/** Deletes the row of a user. */
export async function deleteUser(db: Database, id: number): Promise<void> {
  await db.delete(users).where(eq(users.id, id));
}
