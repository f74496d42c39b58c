import { type Context, Hono } from "hono";
import { z } from "zod";
import type { AppEnv, Deps } from "../http/deps.ts";
import { describe } from "./describe.ts";
import { openApiDocument } from "./openapi.ts";

/** All parts of the page come from this service, it has no inline script or style, and it may not be framed. */
const PAGE_HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-cache",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

const PAGE = "index.html";

/** A browser may keep the page's files for an hour: they change with the release only. */
const FILE_HEADERS = { "Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff" };

/**
 * The service's description of itself and, where there are files for it, a page to read and try it.
 * @param app what is described; the document is made when it is first asked for
 */
export function documentationRoutes(app: Hono<AppEnv>, readFiles: Deps["docs"]) {
  let document: Awaited<ReturnType<typeof openApiDocument>> | undefined;
  const routes = new Hono<AppEnv>().get("/openapi.json", describedDocument, async (c) => {
    document ??= await openApiDocument(app);
    return c.json(document);
  });
  if (!readFiles) return routes;
  const send = async (c: Context<AppEnv>, name: string, headers: Record<string, string>) => {
    const files = new Map(Object.entries(await readFiles()));
    const file = files.get(name);
    if (!file) return c.notFound();
    return c.body(file.body() as string, 200, { ...headers, "Content-Type": file.type });
  };
  return routes
    .get("/docs", describedPage, (c) => send(c, PAGE, PAGE_HEADERS))
    .get("/docs/:file", (c) => {
      const name = c.req.param("file");
      return name === PAGE ? c.notFound() : send(c, name, FILE_HEADERS);
    });
}

const describedDocument = describe(() => ({
  id: "openapi",
  tag: "Service",
  summary: "This document",
  answer: {
    description: "OpenAPI 3.1",
    type: "application/json",
    schema: z.looseObject({ openapi: z.literal("3.1.0") }),
  },
}));

const describedPage = describe(() => ({
  id: "docs",
  tag: "Service",
  summary: "This document, to read and try",
  answer: { description: "A page", type: "text/html", schema: z.string() },
  headers: Object.fromEntries(
    Object.entries(PAGE_HEADERS).map(([name, value]) => [
      name,
      {
        description: "Its scripts, styles and images are our own, and it is not framed",
        required: true,
        schema: { type: "string", const: value },
      },
    ]),
  ),
}));
