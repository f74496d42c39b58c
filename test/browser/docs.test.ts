import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { serve } from "../../src/runtime/server.ts";
import { PASSWORD, testApp, unique } from "../support/app.ts";
import { BROWSER_MS, complaints, FETCH_MS, openBrowser, openPage } from "../support/chromium.ts";
import { dataFolder } from "../support/database.ts";

let browser: Browser;
let closeBrowser: () => Promise<void>;
let server: Bun.Server<undefined>;
let origin: string;
beforeAll(async () => {
  ({ browser, close: closeBrowser } = await openBrowser());
  server = serve((await testApp()).app.fetch as never, { host: "127.0.0.1", port: 0 });
  origin = server.url.origin;
}, FETCH_MS);
afterAll(async () => {
  await closeBrowser();
  await server.stop(true);
});

/** Opens an operation of the page, sends it, and gives what the page shows of the answer. */
async function execute(page: Page, id: string, body?: object): Promise<{ status: string; text: string }> {
  const block = page.locator(`#operations-${id}`);
  if (!(await block.getAttribute("class"))?.includes("is-open"))
    await block.locator(".opblock-summary-control").click();
  if (body) await block.locator(".body-param__text").fill(JSON.stringify(body));
  const answered = page.waitForResponse((response) => response.url().includes("/api/"));
  await block.locator(".execute").click();
  const response = await answered;
  const live = block.locator(".live-responses-table .response");
  // The page draws the answer after it has come; it names the request's id among the headers.
  await live.getByText(response.headers()["x-request-id"] ?? "none").waitFor();
  return {
    status: ((await live.locator(".response-col_status").textContent()) ?? "").trim().slice(0, 3),
    text: (await live.textContent()) ?? "",
  };
}

test(
  "register, log in, list, log out, list again: in the page, without a network or a word to the policy",
  async () => {
    const page = await openPage(browser);
    const faults = complaints(page, [origin]);
    await page.goto(`${origin}/docs`);
    await page.locator("#operations-Accounts-register").waitFor();
    expect(
      await page
        .locator(".opblock-tag")
        .evaluateAll((all) => all.map((one) => (one as unknown as { dataset: { tag: string } }).dataset.tag)),
    ).toEqual(["Accounts", "Sessions", "Users", "Service"]);

    const username = unique("page");
    expect(await execute(page, "Accounts-register", { username, password: PASSWORD })).toMatchObject({
      status: "200",
      text: expect.stringContaining("Register succeed!"),
    });
    expect((await execute(page, "Users-getUserList")).text).toContain("token_missing");
    expect((await execute(page, "Accounts-login", { username, password: PASSWORD })).status).toBe("200");
    expect(await execute(page, "Users-getUserList")).toMatchObject({
      status: "200",
      text: expect.stringContaining(username),
    });
    // Both tokens are in place, and a rotation puts its own there.
    for (const renewal of ["Sessions-refreshToken", "Sessions-rotateToken", "Sessions-rotateToken"])
      expect([renewal, (await execute(page, renewal)).status]).toEqual([renewal, "200"]);
    expect((await execute(page, "Users-getUser")).text).toContain(username);
    expect((await execute(page, "Sessions-logout", {})).status).toBe("200");
    expect(await execute(page, "Users-getUserList")).toMatchObject({
      status: "401",
      text: expect.stringContaining("token_revoked"),
    });

    // For a person to look at.
    const shot = (name: string) => page.screenshot({ path: `${dataFolder}/screenshots/${name}.png` });
    await page.locator("#operations-Users-getUserList .live-responses-table").scrollIntoViewIfNeeded();
    await shot("docs-refused");
    await page.reload();
    await page.locator("#operations-Accounts-register").waitFor();
    await shot("docs");
    expect(faults).toEqual([]);
    await page.close();
  },
  BROWSER_MS,
);

test(
  "the policy would refuse a script of another kind",
  async () => {
    const page = await openPage(browser);
    const faults = complaints(page, [origin]);
    await page.goto(`${origin}/docs`);
    await page.locator("#operations-Accounts-register").waitFor();
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement("script"), { textContent: "window.ran = 1" }))`,
    );
    expect(await page.evaluate("window.ran")).toBeUndefined();
    expect(faults.join()).toContain("script-src 'self'");
    await page.close();
  },
  BROWSER_MS,
);

test("its files have their types and may be kept, the page itself must be asked for; no other file is there", async () => {
  const types: Record<string, string> = {
    "": "text/html; charset=utf-8",
    "/swagger-ui.js": "text/javascript; charset=utf-8",
    "/swagger-ui.css": "text/css; charset=utf-8",
    "/tryIt.js": "text/javascript; charset=utf-8",
    "/favicon.png": "image/png",
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(`${origin}/docs${path}`);
    const { headers } = answer;
    expect([path, answer.status, headers.get("Content-Type"), headers.get("X-Content-Type-Options")]).toEqual(
      [path, 200, type, "nosniff"],
    );
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(200);
    expect(headers.get("Cache-Control")).toBe(path === "" ? "no-cache" : "public, max-age=3600");
  }
  for (const name of ["index.html", "package.json", "__proto__", "..%2f..%2fpackage.json"]) {
    const answer = await fetch(`${origin}/docs/${name}`);
    expect([name, answer.status, await answer.json()]).toEqual([
      name,
      404,
      expect.objectContaining({ code: "not_found" }),
    ]);
  }
});
