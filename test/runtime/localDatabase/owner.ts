// A process of its own for the tests: starts a database, prints what it got as one line of JSON, and stays.
import { startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";

const { once, ...options } = JSON.parse(process.argv[2] ?? "{}");
const database = await startLocalDatabase({ ...options, report: () => {} });
process.stdout.write(`${JSON.stringify(database)}\n`);
if (once === "stop") await database.stop();
else if (once !== "leave") setInterval(() => {}, 60_000);
