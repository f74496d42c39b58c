import { beforeAll, describe, expect, test } from "bun:test";
import { PASSWORD, type TestApp, testApp, unique } from "../support/app.ts";

let it: TestApp;
beforeAll(async () => {
  it = await testApp();
});

const send = (
  path: string,
  body: string | ReadableStream | undefined,
  type: string | undefined = "application/json",
) =>
  it.request("POST", path, {
    ...(body === undefined ? {} : { body }),
    headers: type === undefined ? {} : { "Content-Type": type },
  });

const PATHS = ["/api/register", "/api/login", "/api/refreshToken"];

for (const path of PATHS) {
  describe(`POST ${path}: bodies that are not what it takes`, () => {
    test("fields that are missing or of another type", async () => {
      const cases: [unknown, string[]][] = [
        [{}, ["username", "password"]],
        [{ password: PASSWORD }, ["username"]],
        [{ username: unique("x") }, ["password"]],
        [{ username: 123, password: 456 }, ["username", "password"]],
        [{ username: null, password: PASSWORD }, ["username"]],
        [{ username: ["a"], password: { b: 1 } }, ["username", "password"]],
        [{ username: true, password: PASSWORD }, ["username"]],
      ];
      for (const [body, fields] of cases) {
        const answer = await send(path, JSON.stringify(body));
        expect(answer.status).toBe(400);
        expect(answer.body).toMatchObject({
          success: false,
          message: "Validation failed",
          data: null,
          code: "validation_failed",
        });
        expect(answer.body.errors?.map(({ field }) => field)).toEqual(fields);
        expect(Object.keys(answer.body)).toEqual(["success", "message", "data", "code", "errors"]);
      }
    });
    test("JSON that is no object", async () => {
      for (const body of ["null", "[]", "1", '"text"', "true"]) {
        const answer = await send(path, body);
        expect(answer.status).toBe(400);
        expect(answer.body.code).toBe("validation_failed");
        expect(answer.body.errors?.[0]?.field).toBe("body");
      }
    });
    test("no JSON", async () => {
      for (const body of ["{bad json", "", "username=x&password=y", '{"username":"a"', "\u0000"]) {
        const answer = await send(path, body);
        expect(answer.status).toBe(400);
        expect(answer.body).toEqual({
          success: false,
          message: "Malformed JSON",
          data: null,
          code: "malformed_json",
        });
      }
    });
    test("another media type, or none", async () => {
      const body = JSON.stringify({ username: unique("x"), password: PASSWORD });
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
      ]) {
        const answer = await send(path, body, type);
        expect(answer.status).toBe(415);
        expect(answer.body.code).toBe("unsupported_media_type");
      }
      const none = await it.request("POST", path, { body: new Blob([body]) });
      expect(none.status).toBe(415);
    });
    test("16 KiB is not too much, and a byte more is, announced or not", async () => {
      const json = JSON.stringify({ username: unique("x"), password: "y" });
      for (const [length, tooLarge] of [
        [16_384, false],
        [16_385, true],
      ] as const) {
        const body = json.padEnd(length);
        const headers = { "Content-Type": "application/json", "Content-Length": String(length) };
        const announced = await it.request("POST", path, { body, headers });
        for (const answer of [announced, await send(path, new Blob([body]).stream())])
          expect([length, answer.status === 413]).toEqual([length, tooLarge]);
      }
    });
    test("more than 16 KiB, announced or not", async () => {
      const large = JSON.stringify({ username: "x", password: "y".repeat(16 * 1024) });
      const announced = await it.request("POST", path, {
        body: large,
        headers: { "Content-Type": "application/json", "Content-Length": String(large.length) },
      });
      const chunks = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(large));
          controller.close();
        },
      });
      for (const answer of [announced, await send(path, chunks)]) {
        expect(answer.status).toBe(413);
        expect(answer.body).toMatchObject({ success: false, data: null, code: "payload_too_large" });
      }
    });
  });
}

test("JSON that is not UTF-8 is no JSON: two passwords must not become one", async () => {
  for (const path of PATHS) {
    const body = Buffer.from('{"username":"inv\xff","password":"p\xe4ssword long"}', "latin1");
    const answer = await it.request("POST", path, { body, headers: { "Content-Type": "application/json" } });
    expect([answer.status, answer.body.code]).toEqual([400, "malformed_json"]);
  }
});

test("JSON under a +json media type, with a charset, is JSON", async () => {
  for (const type of ["application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON"]) {
    const body = JSON.stringify({ username: unique("media"), password: PASSWORD });
    expect((await send("/api/register", body, type)).status).toBe(200);
  }
});

describe("POST /api/register: names and passwords that are refused", () => {
  const refused = async (body: { username: string; password: string }, field: string) => {
    const answer = await it.post("/api/register", body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map(({ field }) => field)).toEqual([field]);
    expect(answer.text).not.toContain(body.password || "\u0000");
  };
  test("a name of more than 40 characters; one of 40 that need two units each is taken", async () => {
    await refused({ username: "a".repeat(41), password: PASSWORD }, "username");
    await refused({ username: "😀".repeat(41), password: PASSWORD }, "username");
    const wide = [...crypto.getRandomValues(new Uint8Array(40))]
      .map((byte) => String.fromCodePoint(0x20000 + byte))
      .join("");
    const answer = await it.post("/api/register", { username: wide, password: PASSWORD });
    // Whether the collation tells such characters apart is the server's business; both are answers of the contract.
    expect(answer.status === 200 || answer.body.code === "username_taken").toBe(true);
  });
  test("nothing, and text that is no Unicode", async () => {
    await refused({ username: "", password: PASSWORD }, "username");
    await refused({ username: unique("x"), password: "" }, "password");
    await refused({ username: "lone \ud800 surrogate", password: PASSWORD }, "username");
    await refused({ username: unique("x"), password: "lone \udfff surrogate" }, "password");
  });
});

test("a login takes any strings, also those no registration would", async () => {
  for (const username of ["", "a".repeat(500), "\u0000", "'; DROP TABLE user; --", "\\"]) {
    const answer = await it.post("/api/login", { username, password: "" });
    expect([answer.status, answer.body.code]).toEqual([400, "unknown_username"]);
  }
  const { username } = await it.newUser();
  expect((await it.post("/api/login", { username, password: "" })).body.code).toBe("invalid_password");
});
