import type { Hono } from "hono";
import { generateSpecs } from "hono-openapi";
import { version } from "../../package.json";
import type { AppEnv } from "../http/deps.ts";
import { headers, tags } from "./describe.ts";

const DESCRIPTION = `Keeps users and hands out tokens.

Every answer but those of \`/\`, of \`/metrics\` and of the documents has the form \`{success, message, data}\`; a failure
has \`data: null\` and a \`code\`. Beside what stands at each operation, an unknown path is 404 \`not_found\`, and a wrong
method is 405 \`method_not_allowed\` with \`Allow\`. HEAD is GET without the body. Browsers of other origins are answered as
CORS says.`;

const scheme = (description: string) => ({
  type: "http" as const,
  scheme: "bearer",
  bearerFormat: "JWT",
  description,
});

/** The service's own description (OpenAPI 3.1), read off the routes of an app and the schemas of their validators. */
export function openApiDocument(app: Hono<AppEnv>) {
  return generateSpecs(app, {
    excludeStaticFile: false,
    defaultValidationErrorResponse: false,
    documentation: {
      info: {
        title: "latchkey",
        version,
        description: DESCRIPTION,
        license: { name: "MIT", identifier: "MIT" } as { name: string },
      },
      servers: [{ url: "/", description: "Where this document is from" }],
      tags: [...tags],
      components: {
        headers,
        securitySchemes: {
          accessToken: scheme("The access token of a login, without its `Bearer ` in front."),
          refreshToken: scheme("The refresh token of a login, without its `Bearer ` in front."),
        },
      },
    },
  });
}
