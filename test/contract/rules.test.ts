import { beforeAll, describe, expect, test } from "bun:test";
import { PASSWORD, type TestApp, testApp, unique } from "../support/app.ts";

let it: TestApp;
beforeAll(async () => {
  it = await testApp();
});

const refused = async (body: { username: string; password: string }, field: string) => {
  const answer = await it.post("/api/register", body);
  expect([answer.status, answer.body.code, answer.body.errors?.map((error) => error.field)]).toEqual([
    400,
    "validation_failed",
    [field],
  ]);
  if (body.password.length > 16) expect(answer.text).not.toContain(body.password);
};

describe("passwords of new accounts", () => {
  test("8 to 128 characters, of whatever kind, counted as a person counts", async () => {
    for (const password of ["seven77", "é".repeat(7), "e\u0301".repeat(7), "x".repeat(129)])
      await refused({ username: unique("p"), password }, "password");
    for (const password of [
      "eight8 8",
      "🔑🗝🔒🔓🔐🛡🧷🪪",
      " leading and trailing ",
      "🔑".repeat(128),
      "\u0001\u0002 control \u0000",
    ]) {
      const username = unique("p");
      expect((await it.post("/api/register", { username, password })).status).toBe(200);
      await it.login(username, password);
    }
  });
  test("of 128 characters may be sent in any form, and what is far longer is not put in one", async () => {
    const username = unique("p");
    const password = "\u1f82".repeat(128);
    expect((await it.post("/api/register", { username, password })).status).toBe(200);
    await it.login(username, password.normalize("NFD"));
    const marks = `a${"\u0301\u0316".repeat(3500)}`;
    await refused({ username: unique("p"), password: marks }, "password");
    await refused({ username: marks, password: PASSWORD }, "username");
    expect((await it.post("/api/login", { username, password: marks })).body.code).toBe("invalid_password");
    expect((await it.post("/api/login", { username: marks, password })).body.code).toBe("unknown_username");
  });
  test("PASSWORD_MIN_LENGTH sets the least", async () => {
    const app = await testApp({ env: { PASSWORD_MIN_LENGTH: "15" } });
    expect(
      (await app.post("/api/register", { username: unique("p"), password: "fourteen chars" })).status,
    ).toBe(400);
    expect(
      (await app.post("/api/register", { username: unique("p"), password: "fifteen chars ok" })).status,
    ).toBe(200);
  });
  test("not a common one, in any case", async () => {
    for (const password of ["password", "PassWord1", "iloveyou", "qwertyuiop", "12345678", "TRUSTNO1"])
      await refused({ username: unique("p"), password }, "password");
  });
  test("not the username, in any case", async () => {
    const username = unique("Quite-Unusual");
    await refused({ username, password: username.toUpperCase() }, "password");
    await refused({ username: "Zoë-with-a-name", password: "zoe\u0308-WITH-a-name" }, "password");
  });
  test("are one password in any Unicode form, and no more is folded", async () => {
    const username = unique("nfc");
    await it.post("/api/register", { username, password: "cafe\u0301 a la cre\u0300me" });
    await it.login(username, "café a la crème");
    await it.login(username, "cafe\u0301 a la cre\u0300me");
    expect((await it.post("/api/login", { username, password: "cafe a la creme" })).status).toBe(401);
    expect((await it.post("/api/login", { username, password: "CAFÉ A LA CRÈME" })).status).toBe(401);
    expect((await it.post("/api/login", { username, password: "café a la crème " })).status).toBe(401);
  });
});

describe("names of new accounts", () => {
  test("no control characters, no white space at the ends", async () => {
    for (const username of [
      "tab\tname",
      "nul\u0000",
      "line\u2028end",
      "del\u007f",
      " leading",
      "trailing ",
      "\u00a0nbsp",
      "ideographic\u3000",
    ]) {
      await refused({ username, password: PASSWORD }, "username");
    }
  });
  test("are kept in NFC", async () => {
    const name = unique("nf");
    await it.post("/api/register", { username: `${name}e\u0301`, password: PASSWORD });
    const { accessToken } = await it.login(`${name}é`);
    const { data } = (await it.withToken("GET", "/api/getUser", accessToken)).body as {
      data: { username: string };
    };
    expect(data.username).toBe(`${name}é`);
  });
});
