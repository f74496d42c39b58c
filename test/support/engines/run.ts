/**
 * Runs the tests that ask a database on another engine: `bun test/support/engines/run.ts mysql|galera [file …]`.
 * With files, only those.
 */
import { join, relative } from "node:path";
import { dataFolder } from "../database.ts";
import { mysqlFolder } from "./mysql.ts";

/** Tests that ask no database, or see no more of it than others: pages in a browser, typed clients. */
const NO_DATABASE = [
  "arrows.test.ts",
  "auth/",
  "browser/",
  "client/",
  "config/",
  "http/",
  "mutations/",
  "portable/",
  "edge/argon2.test.ts",
  "edge/bundle.test.ts",
];
/** Tests about the local server of quickstart itself, or that make one of their own to break it. */
const LOCAL_SERVER = ["runtime/localDatabase/", "process/localDatabase.test.ts", "process/faults.test.ts"];

/** What each engine leaves out of test/ (`bun run test` has it all), and what it has beside it. */
const ENGINES: Record<string, { leftOut: string[]; more: string[] }> = {
  mysql: { leftOut: [...NO_DATABASE, ...LOCAL_SERVER], more: [] },
  // tls.test.ts starts a server of its own too, which is no cluster; timeLimit.test.ts needs XA, which Galera lacks;
  // worker.test.ts counts all connections of the server, and HAProxy's checks are some; in changeTables.test.ts a transaction
  // holds a table, and a cluster would end it for the change.
  galera: {
    leftOut: [
      ...[...NO_DATABASE, ...LOCAL_SERVER],
      ...["db/tls.test.ts", "db/timeLimit.test.ts", "edge/worker.test.ts", "db/changeTables.test.ts"],
    ],
    more: ["support/engines/galera.nodes.ts"],
  },
};

const [engine = "", ...named] = process.argv.slice(2);
const plan = ENGINES[engine];
if (!plan)
  throw new Error(`usage: bun test/support/engines/run.ts ${Object.keys(ENGINES).join("|")} [file …]`);

const say = (line: string) => process.stderr.write(`[${engine}] ${line}\n`);
const root = join(import.meta.dir, "../../../"); // no URL's path, which is percent-encoded
const all = [...new Bun.Glob("**/*.test.ts").scanSync(`${root}test`)].sort();
const isLeftOut = (file: string) => plan.leftOut.some((prefix) => file.startsWith(prefix));
const files = named.length
  ? named.map((file) => relative(root, file))
  : [...all.filter((file) => !isLeftOut(file)), ...plan.more].map((file) => `test/${file}`);
if (!named.length)
  say(
    `left out (no database, a server of their own, or what the engine lacks): ${all.filter(isLeftOut).join(", ")}`,
  );

const bin = engine === "mysql" ? await mysqlFolder(dataFolder, say) : undefined;
const child = Bun.spawn(
  [process.execPath, "test", "--timeout", "60000", "--randomize", ...files.map((file) => `./${file}`)],
  {
    cwd: root,
    env: { ...process.env, TEST_ENGINE: engine, PATH: [bin, process.env.PATH].filter(Boolean).join(":") },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
// Ctrl-C reaches the child too, and it takes its servers down.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
process.exitCode = await child.exited;
