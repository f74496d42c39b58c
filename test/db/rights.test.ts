import { expect, test } from "bun:test";
import { PASSWORD, testApp, unique } from "../support/app.ts";
import { migratedDatabase, poolOn, rootConnection } from "../support/database.ts";

/** A migrated database, an account that may do anything in it, and who may change the account. */
const database = async () => {
  const { target } = await migratedDatabase();
  const user = `t${Math.random().toString(36).slice(2, 10)}`;
  const root = await rootConnection();
  await root.query(`CREATE USER ${user}@localhost IDENTIFIED BY 'test-only'`);
  await root.query(`GRANT ALL ON ${target.database}.* TO ${user}@localhost`);
  const app = () => testApp({ db: poolOn({ ...target, user, password: "test-only" }).db });
  return { name: target.database, user, root, app };
};

test("a right that is taken back: 503; once it is given again all goes on, on new connections", async () => {
  const { name, user, root, app } = await database();
  await root.query(`REVOKE INSERT ON ${name}.* FROM ${user}@localhost`);
  const it = await app();
  const register = () => it.post("/api/register", { username: unique("rights"), password: PASSWORD });
  const refused = await register();
  expect([refused.status, refused.body.code]).toEqual([503, "database_unavailable"]);
  await root.query(`GRANT INSERT ON ${name}.* TO ${user}@localhost`);
  // The server looks at rights to a whole database when a connection opens.
  expect((await register()).status).toBe(200);
  await root.end();
});

test("an account that is locked, so that no connection opens: 503 for all, until it is let in again", async () => {
  const { user, root, app } = await database();
  const { accessToken, username } = await (await app()).newUser();
  await root.query(`ALTER USER ${user}@localhost ACCOUNT LOCK`);
  const it = await app(); // which has no connection yet
  const ask = async () => [
    await it.withToken("GET", "/api/getUser", accessToken),
    await it.post("/api/login", { username, password: PASSWORD }),
    await it.post("/api/register", { username: unique("locked"), password: PASSWORD }),
    await it.post("/api/logout", { scope: "all" }, { Authorization: accessToken }),
  ];
  for (const { status, body } of await ask())
    expect([status, body.code]).toEqual([503, "database_unavailable"]);
  await root.query(`ALTER USER ${user}@localhost ACCOUNT UNLOCK`);
  for (const { status } of await ask()) expect(status).toBe(200);
  await root.end();
});
