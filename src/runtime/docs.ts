import favicon from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import css from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import page from "./docs/index.html" with { type: "text" };
import tryIt from "./docs/tryIt.js" with { type: "text" };

const ofPackage = (path: string, type: string) => ({ type, body: () => Bun.file(path) });

/** The page at `/docs`: Swagger UI from its package and our own few lines, so that it needs no network. */
export const docsFiles = {
  "index.html": { type: "text/html; charset=utf-8", body: () => page as unknown as string },
  "tryIt.js": { type: "text/javascript; charset=utf-8", body: () => tryIt },
  "swagger-ui.js": ofPackage(bundle, "text/javascript; charset=utf-8"),
  "swagger-ui.css": ofPackage(css, "text/css; charset=utf-8"),
  "favicon.png": ofPackage(favicon, "image/png"),
};
