import { expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { openPool } from "../../src/db/connection.ts";
import { migratedDatabase } from "../support/database.ts";

test("connections that are free for some seconds stay open, all but one", async () => {
  const size = 6;
  const pool = openPool((await migratedDatabase()).target, size);
  /** Every connection of the pool at once, by the server's number of it. */
  const connections = async () => {
    const answers = await Promise.all(
      Array.from({ length: size }, () =>
        pool.query<RowDataPacket[]>("SELECT CONNECTION_ID() AS id, SLEEP(0.2)"),
      ),
    );
    return new Set(answers.map(([[row]]) => row?.id as number));
  };
  try {
    const before = await connections();
    expect(before.size).toBe(size);
    await Bun.sleep(3_500); // the driver looks once a second
    const after = await connections();
    expect(after.size).toBe(size);
    expect(before.intersection(after).size).toBe(size - 1);
  } finally {
    await pool.end();
  }
});
