import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Connection } from "mysql2/promise";
import { databaseFailure, isUnavailable, NoConnection } from "../../src/db/failures.ts";
import { rootConnection } from "../support/database.ts";

let root: Connection;
beforeAll(async () => {
  root = await rootConnection();
});
afterAll(() => root.end());

/** An error as the server sends it. */
const raised = (errno: number): Promise<unknown> =>
  root.query(`SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'hush-hush'`).then(
    () => undefined,
    (error) => error,
  );

/** What a server says of itself and not of the statement, by kind. */
const NOT_NOW = {
  "its disk": [1021, 1026, 1030, 1114],
  "its memory": [1037, 1038, 1041, 1135],
  "its connections": [1040, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927, 3032, 4031],
  "who may come in": [1042, 1044, 1045, 1049, 1129, 1142, 1143, 1820],
  "its end": [1053, 1077, 1079],
  "read-only": [1036, 1290, 1792, 1836, 1878],
  "its cluster": [1047, 1180, 1213, 1243, 3100, 3101, 3168],
  "its time": [1205, 1206, 1317, 1969, 3024],
  "parts of TiDB": [8005, 9001, 9002, 9003, 9004, 9005, 9007],
};

for (const [kind, numbers] of Object.entries(NOT_NOW))
  test(`what a server says of ${kind} is 503`, async () => {
    for (const errno of numbers) {
      const error = await raised(errno);
      expect([errno, isUnavailable(error)]).toEqual([errno, true]);
      expect(databaseFailure(error)).toEqual({
        code: expect.stringMatching(/^E[ER]_/),
        errno,
        query: undefined,
      });
    }
  });

test("what a server says of a statement is 500, whatever it is wrapped in", async () => {
  for (const errno of [1048, 1054, 1062, 1064, 1146, 1264, 1366, 1406, 4025]) {
    const error = await raised(errno);
    for (const thrown of [error, new Error("wrapped", { cause: error })]) {
      expect([errno, isUnavailable(thrown)]).toEqual([errno, false]);
      expect(databaseFailure(thrown)?.errno).toBe(errno);
    }
  }
});

test("what kept a connection from being opened is 503, also what nobody has a code for", () => {
  const error = new NoConnection("no connection", { cause: new Error("hush-hush") });
  for (const thrown of [error, new Error("wrapped", { cause: error })]) {
    expect(isUnavailable(thrown)).toBe(true);
    expect(databaseFailure(thrown)?.code).toBe("NO_CONNECTION");
  }
  expect(databaseFailure(new Error("another"))).toBeUndefined();
});
