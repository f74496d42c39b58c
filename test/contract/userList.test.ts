import { expect, test } from "bun:test";
import type { ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { testApp } from "../support/app.ts";
import { migratedDatabase } from "../support/database.ts";

test("GET /api/getUserList has every user, by id, also when it comes in pieces", async () => {
  const { db, pool } = await migratedDatabase();
  const it = await testApp({ db });
  const { accessToken } = await it.newUser();
  for (const wanted of [1000, 1001, 2000, 2001, 3500]) {
    for (let count = (await stored()).length; count < wanted; ) {
      const [{ affectedRows }] = await pool.query<ResultSetHeader>(
        `INSERT INTO user (username, created_at, updated_at)
         SELECT UUID(), created_at, updated_at FROM user ORDER BY id LIMIT ?`,
        [wanted - count],
      );
      count += affectedRows;
    }
    const { body } = await it.withToken("GET", "/api/getUserList", accessToken);
    expect(body.data).toEqual(await stored());
    expect(body.data).toHaveLength(wanted);
  }

  async function stored() {
    const columns = "id, username, created_at, updated_at";
    return (await pool.query<RowDataPacket[]>(`SELECT ${columns} FROM user ORDER BY id`))[0];
  }
});
