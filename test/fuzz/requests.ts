import fc from "fast-check";
import { body } from "./bodies.ts";
import { claim, ENDPOINTS, MARK } from "./judge.ts";
import { headerValue, text } from "./text.ts";
import { type Authorization, authorization, part, readAuthorization } from "./tokens.ts";
import type { Fixture, Reply, Sent, World } from "./world.ts";

/** Which token an endpoint asks for. */
const GUARDED = new Map<string, "access" | "refresh">([
  ["GET /api/refreshToken", "refresh"],
  ["GET /api/login", "refresh"],
  ["POST /api/rotateToken", "refresh"],
  ["POST /api/logout", "access"],
  ["POST /api/changePassword", "access"],
  ["GET /api/getUser", "access"],
  ["GET /api/getUserList", "access"],
  ["GET /api/getSessionList", "access"],
]);

const contentType = fc.oneof(
  { weight: 6, arbitrary: fc.constant("application/json") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...[
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;",
        "application/json ;a",
        "application/vnd.a_1+json",
      ],
      ...[
        "text/plain",
        "",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "text/json",
      ],
      ...[
        "application/json, text/plain",
        " application/json",
        "application/+json",
        "application/json; charset=utf-16",
      ],
    ),
  },
  { weight: 1, arbitrary: headerValue },
);

const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.tuple(
          fc.constantFrom("limit", "after", "limit[]", "__proto__", "token", ""),
          fc.oneof(text, fc.constantFrom("1", "0", "1000", "1001", "-1", "1e3", "2147483648", "٣")),
        ),
        { maxLength: 3 },
      )
      .map(
        (pairs) =>
          `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join("&")}`,
      ),
  },
  { weight: 1, arbitrary: text.map((raw) => `?limit=${raw}`) },
);

const strangePath = fc
  .tuple(
    fc.constantFrom(
      ...ENDPOINTS.map(([, path]) => path),
      "/api",
      "/api/",
      "//",
      "/metrics",
      "/openapi.json",
      "/docs",
      "/.env",
    ),
    fc.constantFrom("append", "case", "slash", "double", "dots", "encode", "semicolon", "backslash", "keep"),
    text,
  )
  .map(([path, how, other]) => {
    switch (how) {
      case "append":
        return `${path}/${encodeURI(other.toWellFormed()).replace(/[?#]/g, "")}${MARK}`;
      case "case":
        return path.toUpperCase();
      case "slash":
        return `${path}/`;
      case "double":
        return `/${path}`;
      case "dots":
        return `/x/..${path}/./`;
      case "encode":
        return path.replace(/[a-z]$/, (last) => `%${last.charCodeAt(0).toString(16)}`);
      case "semicolon":
        return `${path};a=${other.replace(/[?#]/g, "")}`;
      case "backslash":
        return path.replaceAll("/", "\\");
      default:
        return path;
    }
  });

const headerName = fc.constantFrom(
  ...[
    "Origin",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
    "X-Forwarded-For",
    "Forwarded",
    "User-Agent",
  ],
  ...[
    "Content-Length",
    "Transfer-Encoding",
    "Content-Encoding",
    "Cookie",
    "Accept",
    "Range",
    "If-None-Match",
    "Expect",
    "Connection",
  ],
  ...[
    "X-HTTP-Method-Override",
    "Upgrade",
    "Host",
    "X-Original-URL",
    "Accept-Language",
    "Proxy-Authorization",
    "Referer",
  ],
);

interface Case extends Omit<Sent, "headers"> {
  headers: [string, string][];
  auth: Authorization | undefined;
}

const target = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(...ENDPOINTS)
      .map(([method, path]) => ({ method: method as string, path: path as string })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get"),
      path: fc.oneof(strangePath, fc.constantFrom(...ENDPOINTS.map(([, path]) => path as string))),
    }),
  },
);

const requests: fc.Arbitrary<Case> = target.chain(({ method, path }) => {
  const type = GUARDED.get(`${method} ${path}`);
  const bodiless = /^(GET|HEAD)$/i.test(method);
  return fc
    .record({
      query,
      body: bodiless ? fc.constant(undefined) : body,
      type: contentType,
      headers: fc.array(fc.tuple(headerName, headerValue), { maxLength: 3 }),
      auth: fc.option(authorization(type ? [type] : ["access", "refresh"]), {
        nil: undefined,
        freq: type ? 12 : 2,
      }),
    })
    .map(({ query, type, headers, ...rest }) => {
      const all: [string, string][] =
        bodiless && type === "application/json" ? headers : [["Content-Type", type], ...headers];
      return { method, path: path + query.replaceAll("#", ""), ...rest, headers: all };
    });
});

/** Any request at all to any path, with any token: judged, and nobody gets in who must not, nor stays out who must get in. */
export const anyRequest = (world: World) =>
  fc.asyncProperty(requests, async ({ auth, ...sent }) => {
    const fixture = await world.fixture();
    const strange = await world.stranger();
    const now = Math.floor(world.one.clock.ms / 1000);
    const header = auth?.(
      { access: fixture.accessToken, refresh: fixture.refreshToken, strange: strange.accessToken },
      now,
    );
    const headers: [string, string][] =
      header === undefined ? sent.headers : [...sent.headers, ["Authorization", header]];
    if (!expressible({ ...sent, headers })) return;
    // Of a token neither what it says nor what proves it may be repeated.
    const secrets = (header?.split(/[ ,.\t]+/) ?? []).filter((one) => one.length > 20);
    const reply = await world.send({ ...sent, headers, secrets });
    const path = sent.path.replace(/\?.*/s, "");
    const type = GUARDED.get(`${sent.method} ${path}`);
    if (type) await judgeEntry(world, { header, type, now, fixture, strange }, reply);
    // Whatever the path was called: `%6e` is an `n` to the router too.
    if ((reply.status === 200 && header && sent.method === "POST") || reply.code === "token_reused")
      world.spoil();
  });

/** Whether the Fetch API lets it be said at all. */
function expressible({ path, body, ...rest }: Sent): boolean {
  try {
    new Request(`http://localhost${path}`, { ...rest, body: body ?? null });
    return true;
  } catch {
    return false;
  }
}

interface Entry {
  header: string | undefined;
  type: "access" | "refresh";
  now: number;
  fixture: Fixture;
  strange: Fixture;
}

async function judgeEntry(world: World, entry: Entry, reply: Reply): Promise<void> {
  const { header, type, now, fixture, strange } = entry;
  const { may, must, claims } = readAuthorization(header, type, now);
  const why = () => `${header} ${JSON.stringify(claims)} → ${reply.text}`;
  const own = part(type === "access" ? fixture.accessToken : fixture.refreshToken, 1);
  if (reply.status === 200) {
    claim(may, () => `let in with a token that is not good: ${why()}`);
    const owner = await named(world, claims.sub);
    const other = part(strange.accessToken, 1).sid;
    const session = new Map([
      [undefined, owner],
      [own.sid, fixture.id],
      [other, strange.id],
    ]).get(claims.sid);
    claim(owner !== undefined && session === owner, () => `let in as somebody else: ${why()}`);
    const said = reply.data as { id?: number; username?: string } | null;
    if (said?.username) claim(said.id === owner, () => `told of somebody else: ${why()}`);
    return;
  }
  const unchanged = ["sub", "sid", "jti", "cnt"].every((name) => claims[name] === own[name]);
  claim(
    !(must && unchanged && reply.code.startsWith("token_")),
    () => `kept out with a good token: ${why()}`,
  );
}

/** The id of the user of that name, as the database compares names. */
async function named(world: World, sub: unknown): Promise<number | undefined> {
  const [rows] = await world.pool.query("SELECT id FROM user WHERE username = ?", [sub]);
  return (rows as { id: number }[])[0]?.id;
}
