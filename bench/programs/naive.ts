/**
 * The naive limit: what one writes by hand for speed, without a framework, a query builder or a log. A query for the
 * token and one for the work, prepared, for each request. It does what the service does for the same paths, and no more.
 */
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createPool, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";

const secret = process.env.JWT_SECRET_KEY ?? "";
const url = new URL(process.env.DATABASE_URL ?? "");
const pool = createPool({
  socketPath: url.searchParams.get("socket") ?? "",
  user: url.username,
  password: url.password,
  database: url.pathname.slice(1),
  connectionLimit: 10,
  charset: "utf8mb4_unicode_ci",
  dateStrings: true,
});

interface Claims {
  type: "access" | "refresh";
  sub: string;
  jti: string;
  sid: string;
  exp: number;
  nbf: number;
  cnt?: number;
}

const HEADER = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url");
const now = () => Math.floor(Date.now() / 1000);

function sign(type: "access" | "refresh", { sub, sid, cnt }: Claims, exp: number): string {
  const iat = now();
  const claims = { fresh: false, iat, jti: randomUUID(), type, sub, nbf: iat, exp, sid, cnt };
  const signed = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `Bearer ${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function verify(header: string | null, type: "access" | "refresh"): Claims | undefined {
  if (!header?.startsWith("Bearer ")) return undefined;
  const token = header.slice(7);
  const dot = token.lastIndexOf(".");
  const given = Buffer.from(token.slice(dot + 1), "base64url");
  const right = createHmac("sha256", secret).update(token.slice(0, dot)).digest();
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  const claims = JSON.parse(Buffer.from(token.slice(token.indexOf(".") + 1, dot), "base64url").toString());
  const time = now();
  return claims.type === type && claims.exp > time && claims.nbf <= time + 10 ? claims : undefined;
}

const CHECK = `SELECT u.id, u.username, s.counter FROM user u JOIN session s ON s.user_id = u.id
  WHERE u.username = ? AND u.disabled_at IS NULL AND s.id = ? AND s.expires_at > ?
    AND NOT EXISTS (SELECT id FROM revoked_tokens WHERE jti = ?) LIMIT 1`;
const LIST = "SELECT id, username, created_at, updated_at FROM user ORDER BY id";
const USER = "SELECT id, username, created_at, updated_at FROM user WHERE id = ?";
const TOUCH = "UPDATE session SET last_used_at = ? WHERE id = ?";
const ROTATE =
  "UPDATE session SET counter = ?, rotated_at = ?, last_used_at = ? WHERE id = ? AND counter = ?";
const END = "DELETE FROM session WHERE id = ?";
const REVOKE = "INSERT IGNORE INTO revoked_tokens (jti, expires_at) VALUES (?, ?)";

type Owner = { id: number; username: string; counter: number };

async function owner({ sub, sid, jti }: Claims): Promise<Owner | undefined> {
  const [rows] = await pool.execute<RowDataPacket[]>(CHECK, [sub, sid, now() - 10, jti]);
  return rows[0] as Owner | undefined;
}

const ok = (data: unknown) => Response.json({ success: true, message: "Ok", data });
const refused = () =>
  Response.json({ success: false, message: "Token is not good", data: null }, { status: 401 });

/** A handler behind the check of a token. */
const guarded =
  (type: "access" | "refresh", work: (claims: Claims, owner: Owner) => Promise<unknown>) =>
  async (request: Request): Promise<Response> => {
    const claims = verify(request.headers.get("Authorization"), type);
    const found = claims && (await owner(claims));
    return found ? ok(await work(claims, found)) : refused();
  };

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT),
  development: false,
  routes: {
    "/livez": () => ok(null),
    "/api/getUserList": { GET: guarded("access", async () => (await pool.execute(LIST))[0]) },
    "/api/getUser": {
      GET: guarded("access", async (_, { id }) => (await pool.execute<RowDataPacket[]>(USER, [id]))[0][0]),
    },
    "/api/refreshToken": {
      GET: guarded("refresh", async (claims) => {
        await pool.execute(TOUCH, [now(), claims.sid]);
        const { cnt: _, ...access } = claims;
        return { accessToken: sign("access", access, Math.min(now() + 7200, claims.exp)) };
      }),
    },
    "/api/rotateToken": {
      POST: guarded("refresh", async (claims) => {
        const { sid, cnt = 0, exp } = claims;
        const time = now();
        const [{ affectedRows }] = await pool.execute<ResultSetHeader>(ROTATE, [
          cnt + 1,
          time,
          time,
          sid,
          cnt,
        ]);
        if (affectedRows !== 1) throw new Error("spent");
        const { cnt: _, ...access } = claims;
        return {
          accessToken: sign("access", access, Math.min(time + 7200, exp)),
          refreshToken: sign("refresh", { ...claims, cnt: cnt + 1 }, exp),
        };
      }),
    },
    "/api/logout": {
      POST: guarded("access", async ({ sid, jti, exp }) => {
        const connection = await pool.getConnection();
        try {
          await connection.beginTransaction();
          await connection.execute(END, [sid]);
          await connection.execute(REVOKE, [jti, exp]);
          await connection.commit();
        } catch (error) {
          await connection.rollback();
          throw error;
        } finally {
          connection.release();
        }
        return null;
      }),
    },
  },
  fetch: () => Response.json({ success: false, message: "Not found", data: null }, { status: 404 }),
});
