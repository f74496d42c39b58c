import { readFileSync } from "node:fs";
import { migrate } from "../../src/db/migrate.ts";
import { migrationsFolder } from "../../src/runtime/environment.ts";
import { answerOf, PASSWORD, TEST_SECRET, verbs } from "../support/app.ts";
import { databaseUrl } from "../support/database.ts";
import { ownServer } from "../support/ownServer.ts";
import { overTcp, stopRelays } from "../support/targets/relay.ts";
import { startWorkerd } from "../support/targets/workerdProcess.ts";

const server = await ownServer();
await migrate(server.target, migrationsFolder);
const w = await startWorkerd("src/runtime/workerd.ts", {
  LOG_LEVEL: "warn",
  JWT_SECRET_KEY: TEST_SECRET,
  DATABASE_URL: databaseUrl(await overTcp(server.target)),
  REGISTRATIONS_PER_CLIENT: "100000",
  LOGIN_FAILURES_PER_CLIENT: "100000",
});
const it = verbs(async (m, p, i) => answerOf(await fetch(w.origin + p, { method: m, ...i })));
const rss = () =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${w.pid}/status`, "utf8"))?.[1]) / 1024);
const conns = async () => {
  const r = await server.root();
  const [x] = (await r.query(
    "SELECT COUNT(*) n FROM information_schema.processlist WHERE user='faults'",
  )) as any;
  await r.end();
  return x[0].n;
};
const tally = (xs: any[]) => xs.reduce((t, x) => ({ ...t, [x]: (t[x] ?? 0) + 1 }), {} as any);
const say = (...x: unknown[]) => console.log(new Date().toISOString().slice(11, 19), ...x);
try {
  say("start rss", rss());
  const { accessToken, username } = await it.newUser();
  let t = performance.now();
  say(
    "200 parallel getUser",
    tally(
      (
        await Promise.all(Array.from({ length: Number(process.env.PAR ?? 200) }, () => it.withToken("GET", "/api/getUser", accessToken)))
      ).map((a) => a.status + (a.body.code ?? "")),
    ),
    Math.round(performance.now() - t),
    "ms rss",
    rss(),
  );
  t = performance.now();
  for (const k of [1, 8, 50])
    say(
      k + " logins at once",
      tally(
        (
          await Promise.all(
            Array.from({ length: k }, () => it.post("/api/login", { username, password: PASSWORD })),
          )
        ).map((a) => a.status + (a.body.code ?? "")),
      ),
      Math.round(performance.now() - t),
      "ms rss",
      rss(),
    );
  say(
    "long password",
    (await it.post("/api/login", { username, password: "x".repeat(15000) })).body.code,
    (await it.post("/api/login", { username, password: "x".repeat(20000) })).body.code,
  );
  // hang-ups
  const hang = async (path: string, init: RequestInit, ms: number) => {
    const c = new AbortController();
    setTimeout(() => c.abort(), ms);
    await fetch(w.origin + path, { ...init, signal: c.signal }).catch(() => {});
  };
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      hang(
        "/api/login",
        {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ username, password: "wrong" + i }),
        },
        1 + (i % 40),
      ),
    ),
  );
  say(
    "after 100 hang-ups",
    await conns(),
    "connections; still answers",
    (await it.withToken("GET", "/api/getUser", accessToken)).status,
  );
  // down and back
  server.signal("SIGKILL");
  await Bun.sleep(300);
  say(
    "down",
    tally(
      (
        await Promise.all(Array.from({ length: 5 }, () => it.withToken("GET", "/api/getUser", accessToken)))
      ).map((a) => a.status + (a.body.code ?? "")),
    ),
    ((await undefined) as any)?.status,
  );
  await server.startAgain();
  say("back", (await it.withToken("GET", "/api/getUser", accessToken)).status);
  // frozen
  server.signal("SIGSTOP");
  t = performance.now();
  say(
    "frozen",
    (await it.withToken("GET", "/api/getUser", accessToken)).body.code,
    Math.round(performance.now() - t),
    "ms",
  );
  server.signal("SIGCONT");
  await Bun.sleep(200);
  say("thawed", (await it.withToken("GET", "/api/getUser", accessToken)).status);
  t = performance.now();
  const N = Number(process.env.N ?? 4000);
  const seen: any = {};
  for (let n = 0; n < N; n += 20) {
    for (const a of await Promise.all(
      Array.from({ length: 20 }, () => it.withToken("GET", "/api/getUser", accessToken)),
    ))
      seen[a.status] = (seen[a.status] ?? 0) + 1;
    if (n % (N / 5) === 0) say(n, "rss", rss());
  }
  say(
    N,
    seen,
    Math.round(N / ((performance.now() - t) / 1000)),
    "/s rss",
    rss(),
    "connections",
    await conns(),
  );
  await Bun.sleep(1000);
  say("connections", await conns());
  say(
    w
      .output()
      .split("\n")
      .filter((l) => !l.startsWith("{"))
      .slice(0, 5),
    tally(
      w
        .stdout()
        .split("\n")
        .filter(Boolean)
        .map((l) => JSON.parse(l).msg + JSON.parse(l).code),
    ),
  );
} finally {
  await w.stop();
  await stopRelays();
  await server[Symbol.asyncDispose]();
}
process.exit(0);
