import { expect, test } from "bun:test";
import { testApp } from "../support/app.ts";
import { migratedDatabase } from "../support/database.ts";

/** An app with users of more pages than are read ahead, and a token for it. */
async function many() {
  const { pool, db } = await migratedDatabase();
  const it = await testApp({ db });
  const { accessToken } = await it.newUser();
  const rows = Array.from({ length: 10_100 }, (_, n) => [`somebody-${n}`, "2026-01-01", "2026-01-01"]);
  await pool.query("INSERT INTO user (username, created_at, updated_at) VALUES ?", [rows]);
  return { it, pool, accessToken };
}

test("a long list comes in pieces, and its HEAD says nothing of a length", async () => {
  const { it, accessToken } = await many();
  const list = await it.withToken("GET", "/api/getUserList", accessToken);
  expect(list.body.data).toHaveLength(10_101);
  const head = await it.withToken("HEAD", "/api/getUserList", accessToken);
  expect([head.status, head.text, head.headers.get("Content-Length")]).toEqual([200, "", null]);
});

test("a long list is of the users there were when it was asked for, however slowly it is read", async () => {
  const { it, accessToken } = await many();
  const answer = await it.app.request("/api/getUserList", { headers: { Authorization: accessToken } });
  const reader = answer.body?.getReader();
  let text = "";
  const read = async () => {
    const { done, value } = (await reader?.read()) ?? { done: true };
    text += value === undefined ? "" : new TextDecoder().decode(value);
    return !done;
  };
  await read();
  const { username } = await it.newUser();
  while (await read());
  expect(JSON.parse(text).data).toHaveLength(10_101);
  expect(text).not.toContain(username);
});

test("a long list is left in peace, or is broken off when the database fails midway", async () => {
  const { it, pool, accessToken } = await many();
  const begin = async () => {
    const answer = await it.app.request("/api/getUserList", { headers: { Authorization: accessToken } });
    const reader = answer.body?.getReader();
    expect((await reader?.read())?.value?.length).toBeGreaterThan(1000);
    return reader;
  };
  await (await begin())?.cancel();
  const reader = await begin();
  await pool.query("RENAME TABLE user TO elsewhere");
  const rest = async () => {
    while (!(await reader?.read())?.done);
  };
  await expect(rest()).rejects.toThrow("broken off");
  const told = it.logged.filter(({ message }) => message === "a list was broken off");
  expect(told.map(({ fields }) => fields.code)).toEqual(["ER_NO_SUCH_TABLE"]);
});
