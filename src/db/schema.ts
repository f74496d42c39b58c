import { bigint, char, datetime, index, int, mysqlTable, uniqueIndex, varchar } from "drizzle-orm/mysql-core";

/**
 * The seed's `user` table, as its own migration tool made it, plus the unique index it lacked.
 * Collation (utf8mb4_unicode_ci) and column comments stand in `drizzle/*.sql`: Drizzle has no word for them.
 * Times are wall-clock strings in the zone of `TZ`, written by the application, never by the database.
 */
export const users = mysqlTable(
  "user",
  {
    id: int("id").autoincrement().primaryKey(),
    username: varchar("username", { length: 40 }).notNull(),
    pwd: varchar("pwd", { length: 255 }),
    salt: varchar("salt", { length: 32 }),
    createdAt: datetime("created_at", { mode: "string" }).notNull(),
    updatedAt: datetime("updated_at", { mode: "string" }).notNull(),
    /** Tokens that name no session (Flask's) are good only from then on; epoch seconds, NULL: all are. */
    tokensValidFrom: bigint("tokens_valid_from", { mode: "number" }),
    /** Since when the user may not log in; epoch seconds, NULL: may. */
    disabledAt: bigint("disabled_at", { mode: "number" }),
    /** Sessions ever opened. Opening one writes the row, and so conflicts with a change of it on another node of a cluster. */
    logins: bigint("logins", { mode: "number" }).notNull().default(0),
  },
  (table) => [uniqueIndex("user_username_unique").on(table.username)],
);

/**
 * The seed's blocklist. `expires_at` is when the token itself ends (epoch seconds): from then on the row says
 * nothing. It is NULL in rows that Flask writes, which are kept, since nobody knows when those tokens end.
 */
export const revokedTokens = mysqlTable(
  "revoked_tokens",
  {
    id: int("id").autoincrement().primaryKey(),
    jti: varchar("jti", { length: 120 }),
    expiresAt: bigint("expires_at", { mode: "number" }),
  },
  (table) => [
    uniqueIndex("revoked_tokens_jti_unique").on(table.jti),
    index("revoked_tokens_expires_at").on(table.expiresAt),
  ],
);

/**
 * One row per login. A token that names a session is good only while its row is here: ending a session is
 * deleting it. All times are epoch seconds. No foreign key: the check compares `user_id` itself, and an
 * adopted `user` table (MyISAM, another id type) could not carry one.
 */
export const sessions = mysqlTable(
  "session",
  {
    id: char("id", { length: 36 }).primaryKey(),
    userId: int("user_id").notNull(),
    /** How often the refresh token was rotated: the refresh token that carries this number is the current one. */
    counter: int("counter").notNull().default(0),
    createdAt: bigint("created_at", { mode: "number" }).notNull(),
    lastUsedAt: bigint("last_used_at", { mode: "number" }).notNull(),
    rotatedAt: bigint("rotated_at", { mode: "number" }),
    expiresAt: bigint("expires_at", { mode: "number" }).notNull(),
    userAgent: varchar("user_agent", { length: 255 }),
    address: varchar("address", { length: 45 }),
  },
  (table) => [index("session_user_id").on(table.userId), index("session_expires_at").on(table.expiresAt)],
);

/**
 * How often something was tried that must not be tried without limit. The bucket's name says what and by whom (see
 * auth/throttle.ts); from `expires_at` on (epoch seconds) the row says nothing.
 */
export const attempts = mysqlTable(
  "attempt",
  {
    bucket: varchar("bucket", { length: 100 }).primaryKey(),
    count: int("count").notNull(),
    expiresAt: bigint("expires_at", { mode: "number" }).notNull(),
  },
  (table) => [index("attempt_expires_at").on(table.expiresAt)],
);
