// The list of all users, which a client has to begin to read sooner than the service demands.
import { type ExecutionContext, Hono } from "hono";
import { answerUserList } from "../../src/api/userList.ts";
import { FIRST_USERS } from "../../src/db/tokenQuestions.ts";
import { pageUsers } from "../../src/db/users.ts";
import { type Bindings, edgeConfig } from "../../src/runtime/edge/config.ts";
import { consoleLog } from "../../src/runtime/edge/log.ts";
import { answer, ofRequest } from "../../src/runtime/edge/request.ts";

const BEGUN_MS = 500;

const app = new Hono().get("/", async (c) => {
  const { database, hold } = ofRequest(c);
  const deps = { database: () => database(), hold: (_: unknown, reading: Promise<void>) => hold(reading) };
  const firstUsers = await pageUsers(database(), 0, FIRST_USERS);
  return answerUserList(c, { ...deps, log: consoleLog("info") }, firstUsers, BEGUN_MS);
});

export default {
  fetch: (request: Request, bindings: Bindings, execution: ExecutionContext) =>
    answer(app.fetch, { target: edgeConfig(bindings).database, address: null }, request, execution),
};
