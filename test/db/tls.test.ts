import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { connectionOptions } from "../../src/db/connection.ts";
import { type LocalDatabase, startLocalDatabase } from "../../src/runtime/localDatabase/index.ts";
import { dataFolder } from "../support/database.ts";
import { freePort } from "../support/haproxy.ts";
import { run } from "../support/process.ts";

let folder: string;
let server: LocalDatabase;
let port: number;
const authority: Record<string, string> = {};

/** A certificate authority and a certificate of it, by openssl. */
async function certify(name: string, subjectAltName: string): Promise<void> {
  const at = (suffix: string) => join(folder, `${name}${suffix}`);
  const ca = [
    "-subj",
    `/CN=latchkey test authority ${name}`,
    "-keyout",
    at("-ca.key"),
    "-out",
    at("-ca.pem"),
  ];
  await Bun.$`openssl req -x509 -newkey rsa:2048 -nodes -days 2 ${ca}`.quiet();
  const leaf = ["-subj", "/CN=latchkey test server", "-addext", `subjectAltName=${subjectAltName}`];
  const signed = ["-CA", at("-ca.pem"), "-CAkey", at("-ca.key"), "-keyout", at(".key"), "-out", at(".pem")];
  await Bun.$`openssl req -x509 -newkey rsa:2048 -nodes -days 2 ${leaf} ${signed}`.quiet();
  authority[name] = await Bun.file(at("-ca.pem")).text();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-tls-"));
  await Promise.all([certify("good", "DNS:localhost"), certify("other", "DNS:localhost")]);
  port = freePort();
  server = await startLocalDatabase({
    folder: dataFolder,
    throwaway: true,
    report: () => {},
    flags: [
      "--skip-networking=0",
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      `--ssl-cert=${join(folder, "good.pem")}`,
      `--ssl-key=${join(folder, "good.key")}`,
      `--ssl-ca=${join(folder, "good-ca.pem")}`,
    ],
  });
  const root = await createConnection(connectionOptions({ ...server.connection, database: "" }));
  await root.query("CREATE DATABASE over_tls");
  await root.query("CREATE USER tls@'%' IDENTIFIED BY 'test-password' REQUIRE SSL");
  await root.query("GRANT ALL ON over_tls.* TO tls@'%'");
  await root.end();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const connect = async (host: string, tls: { ca?: string; verifyName: boolean } | undefined) => {
  const target = {
    host,
    port,
    user: "tls",
    password: "test-password",
    database: "over_tls",
    ...(tls ? { tls } : {}),
  };
  const connection = await createConnection(connectionOptions(target));
  const [[row]] = (await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")) as never as [
    [{ Value: string }],
  ];
  connection.destroy();
  return row.Value;
};

describe("TLS to the database", () => {
  test("encrypts, with the authority and the name checked", async () => {
    expect(await connect("localhost", { ca: authority.good as string, verifyName: true })).toMatch(
      /^TLS_|AES/,
    );
  });
  test("refuses another authority, the system's own included", async () => {
    await expect(connect("localhost", { ca: authority.other as string, verifyName: true })).rejects.toThrow();
    await expect(connect("localhost", { verifyName: true })).rejects.toThrow();
  });
  test("refuses a certificate for another name, unless told not to look", async () => {
    await expect(connect("127.0.0.1", { ca: authority.good as string, verifyName: true })).rejects.toThrow();
    expect(await connect("127.0.0.1", { ca: authority.good as string, verifyName: false })).toMatch(
      /^TLS_|AES/,
    );
  });
  test("is not optional where the account requires it", async () => {
    await expect(connect("localhost", undefined)).rejects.toMatchObject({ code: "ER_ACCESS_DENIED_ERROR" });
  });
  test("works for the program, and a wrong authority ends its start with advice", async () => {
    const env = {
      DATABASE_URL: `mysql://tls:test-password@localhost:${port}/over_tls`,
      JWT_SECRET_KEY: "test-secret",
    };
    const good = await run("src/commands/migrate.ts", {
      ...env,
      DATABASE_TLS_CA_FILE: join(folder, "good-ca.pem"),
    });
    expect([good.exitCode, good.stderr]).toEqual([0, expect.stringContaining("migrated")]);
    const wrong = await run("src/commands/migrate.ts", {
      ...env,
      DATABASE_TLS_CA_FILE: join(folder, "other-ca.pem"),
    });
    expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining("DATABASE_TLS_CA_FILE")]);
    expect(wrong.stderr).not.toContain("test-password");
  });
});
