import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { serve } from "../../src/runtime/server.ts";
import { PASSWORD, type TestApp, testApp, unique } from "../support/app.ts";
import { compile } from "../support/compiler.ts";
import { dataFolder } from "../support/database.ts";

let folder: string; // inside of the checkout, where packages resolve
let it: TestApp;
let server: Bun.Server<undefined>;
beforeAll(async () => {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  folder = await mkdtemp(join(dataFolder, "generated-"));
  it = await testApp();
  server = serve(it.app.fetch as never, { host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await server?.stop(true);
  await rm(folder, { recursive: true });
});

/** openapi-typescript, bundled: it needs the programming interface of TypeScript 5, which 7 no longer has. */
async function generator(): Promise<typeof import("openapi-typescript")> {
  const typescript5 = Bun.resolveSync("typescript5", import.meta.dir);
  const built = await Bun.build({
    entrypoints: [Bun.resolveSync("openapi-typescript", import.meta.dir)],
    target: "bun",
    outdir: join(folder, "generator"),
    plugins: [
      {
        name: "typescript 5",
        setup: (build) => {
          build.onResolve({ filter: /^typescript$/ }, () => ({ path: typescript5 }));
        },
      },
    ],
  });
  return import(built.outputs[0]?.path ?? "");
}

/** A program of somebody who has only the document: it must compile as it stands, and it is what runs below. */
const PROGRAM = `
import createClient from "openapi-fetch";
import type { components, paths } from "./latchkey.ts";

type User = components["schemas"]["User"];
export async function program(baseUrl: string, username: string, password: string) {
  const { GET, POST } = createClient<paths>({ baseUrl });
  const seen: string[] = [];
  await POST("/api/register", { body: { username, password } });
  const again = await POST("/api/register", { body: { username, password } });
  seen.push(again.error?.code ?? "registered twice");
  const login = await POST("/api/login", { body: { username, password } });
  if (!login.data) throw new Error(login.error.code);
  const { accessToken, refreshToken } = login.data.data;
  const bearer = (token: string) => ({ headers: { Authorization: token } });
  const list = await GET("/api/getUserList", { params: { query: { limit: 1000 } }, ...bearer(accessToken) });
  const users: User[] = list.data?.data ?? [];
  seen.push(users.some((user) => user.username === username) ? "listed" : "not listed");
  const rotated = await POST("/api/rotateToken", bearer(refreshToken));
  const token = rotated.data?.data.accessToken ?? "";
  const sessions = await GET("/api/getSessionList", bearer(token));
  seen.push(String(sessions.data?.data.filter((one) => one.current).length));
  await POST("/api/logout", { body: { scope: "all" }, ...bearer(token) });
  const refused = await GET("/api/getUser", bearer(token));
  seen.push(refused.error?.code ?? "still in");
  // @ts-expect-error a body without a password is none
  const { error } = await POST("/api/login", { body: { username } });
  seen.push(error?.errors?.[0]?.message ?? "taken");
  return seen;
}
`;

test("a client generated from the document, by a generator and a library of others, goes through the API", async () => {
  const { default: generate, astToString } = await generator();
  const document = await (await fetch(`${server.url.origin}/openapi.json`)).text();
  await Bun.write(join(folder, "program/latchkey.ts"), astToString(await generate(document)));
  await Bun.write(join(folder, "program/program.ts"), PROGRAM);
  await Bun.write(
    join(folder, "program/tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.json",
      compilerOptions: { lib: ["ESNext", "DOM"] },
      include: ["*.ts"],
      exclude: [],
    }),
  );
  expect(await compile(join(folder, "program"))).toEqual([]);
  const { program } = await import(join(folder, "program/program.ts"));
  expect(await program(server.url.origin, unique("generated"), PASSWORD)).toEqual([
    "username_taken",
    "listed",
    "1",
    "token_revoked",
    "password is required",
  ]);
});
