import { expect, test } from "bun:test";
import type { RowDataPacket } from "mysql2/promise";
import { openPool } from "../../src/db/connection.ts";
import { migratedDatabase, rootConnection } from "../support/database.ts";
import { until } from "../support/until.ts";

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
  const root = await rootConnection();
  const stillOpen = async (ids: Set<number>) => {
    const text = "SELECT id FROM information_schema.processlist WHERE id IN (?)";
    return (await root.query<RowDataPacket[]>(text, [[...ids]]))[0].length;
  };
  try {
    const before = await connections();
    expect(before.size).toBe(size);
    await until(
      async () => (await stillOpen(before)) < size,
      () => "none was closed",
    );
    await Bun.sleep(1_100); // the driver looks once a second, and would close the next
    const after = await connections();
    expect(after.size).toBe(size);
    expect(before.intersection(after).size).toBe(size - 1);
  } finally {
    await pool.end();
    await root.end();
  }
});
