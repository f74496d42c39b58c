import { createHmac, pbkdf2Sync, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RowDataPacket } from "mysql2/promise";
import type { DatabaseTarget } from "../../src/config/database.ts";
import { repeat } from "../../src/db/cluster.ts";
import { emptyDatabase, rootConnection } from "./database.ts";

const fixture = (name: string) => readFileSync(join(import.meta.dir, "..", "fixtures", name), "utf8");

/** An account of the recorded database: what it logs in with, and the tokens that the seed's service gave it. */
export interface SeedAccount {
  username: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  loggedOut: boolean;
}

export const { jwtSecretKey: SEED_SECRET, accounts: SEED_ACCOUNTS } = JSON.parse(
  fixture("accounts.json"),
) as {
  jwtSecretKey: string;
  accounts: SeedAccount[];
};

/** A database as the seed's service left it, changed by `sql` if given. */
export async function seedDatabase(sql = ""): Promise<DatabaseTarget> {
  const target = await emptyDatabase();
  await query(target, fixture("database.sql") + sql);
  return target;
}

/** Runs statements and gives the rows of the last. */
export async function query(
  target: DatabaseTarget,
  sql: string,
  values: unknown[] = [],
): Promise<RowDataPacket[]> {
  const root = await rootConnection(target.database);
  try {
    // On a cluster a change of tables rolls back whatever is at them (1213).
    const [rows] = await repeat(() => root.query<RowDataPacket[]>(sql, values));
    return rows;
  } finally {
    await root.end();
  }
}

/**
 * `werkzeug.security.check_password_hash`, written from its documented format: `method$salt$hex`, where the method is
 * `pbkdf2:<hash>:<iterations>` or `scrypt:<n>:<r>:<p>`, over the UTF-8 of salt and password.
 */
export function werkzeugAccepts(stored: string, password: string): boolean {
  const [method = "", salt = "", hex = ""] = stored.split("$");
  const [scheme, ...args] = method.split(":");
  if (scheme === "pbkdf2") {
    const [digest = "", count] = args;
    return pbkdf2Sync(password, salt, Number(count), hex.length / 2, digest).toString("hex") === hex;
  }
  const [N = 0, r = 0, p = 0] = args.map(Number);
  return scryptSync(password, salt, 64, { N, r, p, maxmem: 2 ** 28 }).toString("hex") === hex;
}

/** What the seed does with the tables, in the SQL it sends (its log shows it; all values are bound). */
export function flaskOn(target: DatabaseTarget) {
  return {
    register: (username: string, pwd: string, salt: string) =>
      query(
        target,
        "INSERT INTO user (username, pwd, salt, created_at, updated_at) VALUES (?, ?, ?, '2026-11-22 18:00:00', '2026-11-22 18:00:00')",
        [username, pwd, salt],
      ),
    /** The seed's login: is the password right by the row that it finds first? */
    async login(username: string, password: string): Promise<boolean> {
      const [row] = await query(
        target,
        "SELECT user.id, user.username, user.pwd, user.salt, user.created_at, user.updated_at FROM user WHERE user.username = ?",
        [username],
      );
      return row !== undefined && werkzeugAccepts(row.pwd, `${row.salt}${password}`);
    },
    list: () =>
      query(
        target,
        "SELECT user.id AS id, user.username AS username, user.created_at AS created_at FROM user",
      ),
    logout: (jti: string) => query(target, "INSERT INTO revoked_tokens (jti) VALUES (?)", [jti]),
    isRevoked: async (jti: string) =>
      (
        await query(
          target,
          "SELECT revoked_tokens.id FROM revoked_tokens WHERE revoked_tokens.jti = ? LIMIT 1",
          [jti],
        )
      ).length > 0,
  };
}

/**
 * What Flask-JWT-Extended 4.4 asks of a token before it looks at the blocklist: the signature, the times, and the
 * claims that it reads without a default.
 */
export function flaskAccepts(
  token: string,
  secret: string,
  type: "access" | "refresh",
  nowSeconds: number,
): boolean {
  const [header = "", payload = "", signature = ""] = token.replace("Bearer ", "").split(".");
  const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
  const { alg } = JSON.parse(Buffer.from(header, "base64url").toString());
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const inTime = claims.nbf <= nowSeconds && claims.iat <= nowSeconds && claims.exp > nowSeconds;
  const complete =
    typeof claims.jti === "string" && typeof claims.fresh === "boolean" && typeof claims.sub === "string";
  return signature === expected && alg === "HS256" && inTime && complete && claims.type === type;
}
