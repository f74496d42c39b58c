import Ajv, { type ValidateFunction } from "ajv/dist/2020";
import type { Hono } from "hono";
import type { AppEnv } from "../../src/http/deps.ts";

/** What the tests read of the document. */
export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { headers: Record<string, Header>; schemas: Record<string, object> };
}
export interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  security: Record<string, []>[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  parameters?: { name: string; in: string; schema: object }[];
  responses: Record<
    string,
    {
      headers: Record<string, { $ref: string } | Header>;
      content: Record<
        string,
        { schema: object; example?: unknown; examples?: Record<string, { value: unknown }> }
      >;
    }
  >;
}
interface Header {
  required?: boolean;
  schema: { type: string };
}

/** Headers of transport and CORS, which no operation lists. */
const OF_ALL = /^(content-type|content-length|transfer-encoding|connection|date|vary|access-control-.*)$/;

/** An app's document and the checks against it. */
export async function openApi(app: Hono<AppEnv>) {
  const document = (await (await app.request("/openapi.json")).json()) as Document;
  const ajv = new Ajv({ allErrors: true, strict: false, formats: { uuid: true } });
  ajv.addSchema(document, "doc");
  const compiled = new Map<string, ValidateFunction>();

  /** The faults of a value by the schema at a place of the document. */
  const faults = (value: unknown, ...place: string[]): string[] => {
    const parts = place.map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"));
    const ref = `doc#/${parts.map(encodeURIComponent).join("/")}`;
    const check = compiled.get(ref) ?? ajv.compile({ $ref: ref });
    compiled.set(ref, check);
    if (check(value)) return [];
    return (check.errors ?? []).map(
      ({ instancePath, message }) => `${place.join(" ")}: ${instancePath} ${message}`,
    );
  };

  /** Where an answer differs from the document: status, media type, body, headers. Empty for a path it does not have. */
  const differences = (method: string, target: string, answer: Answered): string[] => {
    const path = target.split("?")[0] ?? "";
    const verb = method.toLowerCase();
    const operation = document.paths[path]?.[verb];
    if (!operation) return [];
    const response = operation.responses[answer.status];
    if (!response) return [`${method} ${path}: ${answer.status} ${answer.text} is not documented`];
    const place = ["paths", path, verb, "responses", String(answer.status)];
    const type = (answer.headers.get("Content-Type") ?? "").split(";")[0] ?? "";
    if (!response.content[type]) return [`${place.join(" ")}: ${type} is not documented`];
    const body = type === "application/json" ? JSON.parse(answer.text) : answer.text;
    const found = faults(body, ...place, "content", type, "schema");
    for (const [name, header] of Object.entries(response.headers)) {
      const at = "$ref" in header ? ["components", "headers", name] : [...place, "headers", name];
      const { required, schema } = "$ref" in header ? (document.components.headers[name] as Header) : header;
      const value = answer.headers.get(name);
      if (value !== null)
        found.push(...faults(schema.type === "integer" ? Number(value) : value, ...at, "schema"));
      else if (required) found.push(`${place.join(" ")}: ${name} is missing`);
    }
    const known = new Set(Object.keys(response.headers).map((name) => name.toLowerCase()));
    for (const name of answer.headers.keys())
      if (!known.has(name) && !OF_ALL.test(name)) found.push(`${place.join(" ")}: ${name} is not documented`);
    return found;
  };

  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      ...operation,
    })),
  );
  return { document, operations, faults, differences };
}

interface Answered {
  status: number;
  headers: Headers;
  text: string;
}
