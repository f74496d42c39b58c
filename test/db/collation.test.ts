import { expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { PASSWORD, testApp } from "../support/app.ts";
import { emptyDatabase, poolOn, rootConnection } from "../support/database.ts";

/** With and without padding, case and accents; of another character set; one that only MySQL has. */
const DEFAULTS = [
  "latin1_swedish_ci",
  "utf8mb4_bin",
  "utf8mb4_general_ci",
  "utf8mb4_unicode_520_ci",
  "utf8mb4_0900_ai_ci",
  "utf8mb4_nopad_bin",
];

/** Of each pair the first registers, and the second is the same user or is not. */
const ALIKE = [
  ["alice", "ALICE"],
  ["trailing", "trailing  "],
  ["José", "jose"],
  ["straße", "STRASSE"],
  ["Привет", "ПРИВЕТ"],
  ["Ёлка", "елка"],
  // All characters beyond the first plane weigh the same in utf8mb4_unicode_ci (UCA 4.0.0).
  ["cat🐱", "cat🐶"],
];
const APART = [
  ["bob", " bob"],
  ["Анна", "Анне"],
  ["йод", "иод"],
  ["dog🐶", "dog"],
  ["ß", "s"],
  ["李", "王"],
];

test("usernames compare alike, whatever the default collation of server and database is", async () => {
  const root = await rootConnection();
  const [known] = await root.query<RowDataPacket[]>(
    "SELECT COLLATION_NAME AS name FROM information_schema.COLLATIONS WHERE COLLATION_NAME IN (?)",
    [DEFAULTS],
  );
  const [[before]] = await root.query<RowDataPacket[]>("SELECT @@global.collation_server AS name");
  const tried = known.map(({ name }) => name as string);
  expect(tried.length).toBeGreaterThanOrEqual(5); // no server has them all
  try {
    for (const collation of tried) {
      await root.query("SET GLOBAL collation_server = ?", [collation]);
      const target = await emptyDatabase(""); // takes the server's
      await migrate(target, migrationsFolder);
      const { pool, db } = poolOn(target);
      const [[made]] = await pool.query<RowDataPacket[]>("SELECT @@collation_database AS name");
      expect(made?.name).toBe(collation);

      const it = await testApp({ db });
      const codeOf = async (path: string, username: string) => {
        const answer = await it.post(path, { username, password: PASSWORD });
        return answer.body.code ?? answer.status;
      };
      for (const [first = "", second = ""] of [...ALIKE, ...APART]) {
        const outcome = [await codeOf("/api/register", first), await codeOf("/api/login", second)];
        const expected = ALIKE.some(([name]) => name === first) ? 200 : "unknown_username";
        expect([collation, first, second, ...outcome]).toEqual([collation, first, second, 200, expected]);
      }
      expect(await codeOf("/api/register", "Alice")).toBe("username_taken");
    }
  } finally {
    await root.query("SET GLOBAL collation_server = ?", [before?.name]);
    await root.end();
  }
});
