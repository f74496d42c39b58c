import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { catalogue, type ErrorCode } from "../../src/errors.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import { type TestApp, testApp } from "../support/app.ts";
import type { openApi } from "../support/openapi.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

let it: TestApp;
let api: Awaited<ReturnType<typeof openApi>>;
beforeAll(async () => {
  it = await testApp({ metrics: createMetrics() });
  api = await it.documented;
});

describe("GET /openapi.json", () => {
  test("has every route, and no other", () => {
    const routes = it.app.routes
      .filter(({ method, path }) => method !== "ALL" && !path.startsWith("/docs/"))
      .map(({ method, path }) => `${method} ${path}`);
    const documented = api.operations.map(({ method, path }) => `${method} ${path}`);
    expect(documented.toSorted()).toEqual([...new Set(routes)].toSorted());
    expect(documented.length).toBeGreaterThan(15);
  });

  test("has /metrics where that is served: not if it has a port of its own, or nobody counts", async () => {
    const { print: _elsewhere, ...metrics } = createMetrics();
    for (const options of [{}, { metrics }]) {
      const { app } = await testApp(options);
      const { paths } = (await (await app.request("/openapi.json")).json()) as typeof api.document;
      expect(paths["/livez"]?.get).toBeDefined();
      expect(paths["/metrics"]).toBeUndefined();
      expect((await app.request("/metrics")).status).toBe(404);
    }
  });

  test("has every code of the catalogue: those of paths that are not there in its introduction, the rest at operations", () => {
    const text = JSON.stringify(api.document);
    const elsewhere: ErrorCode[] = ["not_found", "method_not_allowed"];
    for (const code of Object.keys(catalogue) as ErrorCode[])
      expect([code, text.includes(elsewhere.includes(code) ? `\`${code}\`` : `"${code}":{"value"`)]).toEqual([
        code,
        true,
      ]);
  });

  test("names each operation once, and says what each is for and which token it needs", () => {
    const ids = api.operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const secured = Object.fromEntries(
      api.operations.flatMap(({ operationId, security }) =>
        security.map((one) => [operationId, Object.keys(one)]),
      ),
    );
    expect(secured).toEqual({
      changePassword: ["accessToken"],
      getSessionList: ["accessToken"],
      getUser: ["accessToken"],
      getUserList: ["accessToken"],
      logout: ["accessToken"],
      refreshToken: ["refreshToken"],
      refreshTokenAtLogin: ["refreshToken"],
      rotateToken: ["refreshToken"],
    });
    for (const { summary, tags } of api.operations)
      expect([summary, tags]).toEqual([expect.stringMatching(/./), [expect.any(String)]]);
  });

  test("has examples that are true to its schemas", () => {
    let examples = 0;
    for (const { path, method, responses } of api.operations)
      for (const [status, { content }] of Object.entries(responses))
        for (const [type, { example, examples: named = {} }] of Object.entries(content))
          for (const value of [
            ...(example === undefined ? [] : [example]),
            ...Object.values(named).map((one) => one.value),
          ]) {
            examples += 1;
            expect(
              api.faults(
                value,
                "paths",
                path,
                method.toLowerCase(),
                "responses",
                status,
                "content",
                type,
                "schema",
              ),
            ).toEqual([]);
          }
    expect(examples).toBeGreaterThan(100);
  });

  test("has examples of failures that its operations do answer", async () => {
    const { accessToken, refreshToken } = await it.newUser();
    for (const { path, method, security, responses, requestBody, parameters = [] } of api.operations) {
      const exampleOf = (status: number, code: ErrorCode) =>
        responses[status]?.content["application/json"]?.examples?.[code]?.value;
      const [needed] = security.flatMap((one) => Object.keys(one));
      if (needed) {
        const answer = await it.withToken(
          method,
          path,
          needed === "refreshToken" ? accessToken : refreshToken,
        );
        expect([path, exampleOf(401, "token_wrong_type")]).toEqual([path, answer.body]);
      }
      const fault = exampleOf(400, "validation_failed") as { errors: { field: string }[] } | undefined;
      const body = requestBody?.content["application/json"]?.schema as { properties: object } | undefined;
      const fields = [...Object.keys(body?.properties ?? {}), ...parameters.map(({ name }) => name)];
      for (const { field } of fault?.errors ?? [])
        expect([path, fields.includes(field)]).toEqual([path, true]);
    }
  });

  test("has the bodies' limits from the schemas that validate, as they are configured", async () => {
    const app = await testApp({ env: { PASSWORD_MIN_LENGTH: "15" } });
    const { paths } = (await (await app.app.request("/openapi.json")).json()) as typeof api.document;
    expect(paths["/api/register"]?.post?.requestBody?.content["application/json"]?.schema).toMatchObject({
      required: ["username", "password"],
      properties: { username: { minLength: 1, maxLength: 40 }, password: { minLength: 15, maxLength: 128 } },
    });
    expect(paths["/api/logout"]?.post?.requestBody).toMatchObject({ required: false });
    expect(paths["/api/getUserList"]?.get?.parameters).toMatchObject([
      { name: "limit", in: "query", schema: { type: "integer", minimum: 1, maximum: 1000 } },
      { name: "after", in: "query", schema: { type: "integer", minimum: 0 } },
    ]);
  });

  test("passes the linter without a warning", async () => {
    await using folder = temporaryFolder("openapi");
    const file = join(folder.path, "openapi.json");
    await Bun.write(file, JSON.stringify(api.document));
    const lint = Bun.spawn(
      [
        process.execPath,
        "node_modules/@redocly/cli/bin/cli.js",
        "lint",
        "--config",
        "test/openapi/redocly.yaml",
        "--format",
        "json",
        file,
      ],
      {
        env: { PATH: "", REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const [stdout, stderr] = await Promise.all([
      new Response(lint.stdout).text(),
      new Response(lint.stderr).text(),
    ]);
    expect(stderr).toContain("valid");
    expect(JSON.parse(stdout)).toMatchObject({
      totals: { errors: 0, warnings: 0, ignored: 0 },
      problems: [],
    });
    expect(await lint.exited).toBe(0);
  });

  test("is shown by a page that runs nothing from elsewhere and stands in no frame", async () => {
    const { headers } = await it.app.request("/docs");
    const policy = new Map(
      headers
        .get("Content-Security-Policy")
        ?.split("; ")
        .map((rule) => rule.split(/ (.*)/) as [string, string]),
    );
    expect(Object.fromEntries(policy)).toEqual({
      "default-src": "'none'",
      "script-src": "'self'",
      "style-src": "'self'",
      "img-src": "'self' data:",
      "connect-src": "'self'",
      "base-uri": "'none'",
      "form-action": "'none'",
      "frame-ancestors": "'none'",
    });
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  });

  test("is there, with /docs, but for production, and there on demand", async () => {
    const production = { NODE_ENV: "production", DATABASE_URL: "mysql://u:p@h/d" };
    for (const [env, status] of [
      [{}, 200],
      [{ DOCS: "off" }, 404],
      [production, 404],
      [{ ...production, DOCS: "on" }, 200],
    ] as const) {
      const { app } = await testApp({ env });
      for (const path of ["/openapi.json", "/docs", "/docs/tryIt.js"])
        expect([env, path, (await app.request(path)).status]).toEqual([env, path, status]);
    }
  });
});
