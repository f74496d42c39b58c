import { readFileSync } from "node:fs";
import { databaseUrl, emptyDatabase } from "../../support/database.ts";
import { over, startService } from "../../support/process.ts";
import { PEOPLE } from "./flood.ts";

/** The real service at its default price of hashing, with a database of its own and people in it. */
export async function startFlooded() {
  const service = await startService({
    DATABASE_URL: databaseUrl(await emptyDatabase()),
    JWT_SECRET_KEY: "test-secret-that-is-only-for-tests-0123456789",
    NODE_ENV: "production",
    LOG_LEVEL: "info",
    // All of a flood comes from one address: the limits on guessing are not what is tried here.
    LOGIN_FAILURES_PER_ACCOUNT: "1000000",
    LOGIN_FAILURES_PER_CLIENT: "1000000",
  });
  const { post, login } = over(service);
  for (const person of PEOPLE) await post("/api/register", person);
  const { accessToken } = await login(PEOPLE[0]?.username ?? "", PEOPLE[0]?.password);
  return { ...service, port: Number(new URL(service.origin).port), token: accessToken };
}

export type Flooded = Awaited<ReturnType<typeof startFlooded>>;

/** Whether a login succeeds: what the flood left behind has then been worked off. */
export const canLogIn = async (service: Flooded): Promise<boolean> =>
  (await over(service).post("/api/login", PEOPLE[0])).status === 200;

/** Memory that a process has in use, in MB. */
export const memoryMb = ({ process }: Flooded): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, "utf8"))?.[1]) / 1024;

/** Logins that were hashed, so far, by the log: neither refused nor broken off. */
export const hashed = (service: Flooded): number =>
  service
    .stdout()
    .match(/"route":"\/api\/login","status":(200|4\d\d,"code":"(unknown_username|invalid_password)")/g)
    ?.length ?? 0;
