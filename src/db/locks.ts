/**
 * The SQL for a lock's name. Such names are per server, not per database, and have at most 64 characters, so the database's
 * name goes in as a digest. (SHA2: MySQL 9.6 dropped MD5.)
 *
 * On a Galera cluster a lock holds on one node only. Two instances on different nodes then do the same work at once, which
 * every statement of migrations and purges bears: see ALREADY_DONE in migrate.ts, and `repeat`.
 */
export const lockName = (purpose: "migrate" | "purge"): string =>
  `CONCAT('latchkey_${purpose}_', LEFT(SHA2(DATABASE(), 256), 40))`;
