import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sign } from "hono/jwt";
import { temporaryFolder } from "../support/temporaryFolder.ts";

/** What Flask uses when the seed's line stands in a `.env` file (python-dotenv takes the unquoted text as it is). */
const FROM_DOTENV = String.raw`b'#q)\\x00\xd6\x9f<iBQ\xd7;,\xe2E'`;
/** What it uses when the seed's Dockerfile sets it: Docker drops the quotes and takes what stood in them as it is. */
const FROM_DOCKER_ENV = String.raw`b#q)\\x00\xd6\x9f<iBQ\xd7;,\xe2E`;

/** The secret that our program gets from a folder's files, through Bun's own reading of `.env`. */
async function secretFrom(files: Record<string, string>): Promise<string> {
  await using folder = temporaryFolder("env");
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  const script = `
    const { loadConfig } = await import(${JSON.stringify(join(import.meta.dir, "../../src/runtime/environment.ts"))});
    process.stdout.write(loadConfig(process.env).jwtSecretKey);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: folder.path,
    env: { PATH: process.env.PATH ?? "" },
    stdout: "pipe",
  });
  return await new Response(child.stdout).text();
}

describe("the secret, byte for byte", () => {
  test("in .env within double quotes, as the runbook has it", async () => {
    for (const secret of [FROM_DOTENV, FROM_DOCKER_ENV]) {
      expect(await secretFrom({ ".env": `JWT_SECRET_KEY="${secret}"\n` })).toBe(secret);
    }
  });
  test("in .env as the seed's line stands it is cut at the #: the runbook warns, and it is not Flask's", async () => {
    expect(await secretFrom({ ".env": `JWT_SECRET_KEY=${FROM_DOTENV} # jwt密钥\n` })).toBe("b'");
  });
  test("in a file of its own, whatever is in it", async () => {
    for (const secret of [FROM_DOTENV, FROM_DOCKER_ENV, String.raw`$HOME "q" 'q' \n # x`]) {
      expect(
        await secretFrom({ ".env": "JWT_SECRET_KEY_FILE=secret.txt\n", "secret.txt": `${secret}\n` }),
      ).toBe(secret);
    }
  });
  test("signs as Python does with the same text", async () => {
    // python3: hmac.new(secret.encode(), b"<header>.<payload>", "sha256"), of the very literal above.
    expect(await sign({ a: 1 }, FROM_DOTENV, "HS256")).toBe(
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.xwiQ_1u1HMr2-0MjU2iXNlOGO5tAiFJkZEabsTGYbto",
    );
  });
});
