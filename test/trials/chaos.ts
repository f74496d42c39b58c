import { createConnection } from "mysql2/promise";
import { dataFolder } from "../support/database.ts";
import { startGalera } from "../support/engines/galera.ts";
import type { Address } from "../support/engines/haproxy.ts";
import { type Outcome, round } from "./chaos/round.ts";

// Three instances under load on a Galera cluster of three nodes, to which one thing after the other is done: bun run chaos
// [1|2]. In round 1 all write to one node, in round 2 each to its own. Exit code 1 if something acknowledged was lost, a
// revoked token was let in, an answer was wrong, or errors lasted longer than 5 s.

/** Galera gives up a silent node later by itself, and takes longer to agree on who is left. */
const SETTINGS = [
  "evs.suspect_timeout=PT2S",
  "evs.inactive_timeout=PT3S",
  "evs.keepalive_period=PT0.5S",
  "evs.inactive_check_period=PT0.5S",
  "evs.join_retrans_period=PT0.3S",
  "evs.install_timeout=PT1.5S",
];
/** One for all, and one for each instance. */
const ORDERS = [
  [0, 1, 2],
  [0, 1, 2],
  [1, 2, 0],
  [2, 0, 1],
];

const say = (line: string) => process.stdout.write(`${line}\n`);
const row = (cells: (string | number)[]) =>
  say(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(20) : String(cell).padStart(11))).join(""));
const report = ({ fault, tally, errorsMs, tookMs }: Outcome) =>
  row([
    ...[fault, tally.requests, tally.answered, tally.unavailable, tally.unanswered],
    ...[tally.slowestMs, errorsMs, tookMs].map(Math.round),
    tally.wrong.length,
  ]);

const begun = performance.now();
const broken: string[] = [];
const cluster = await startGalera(dataFolder, (line) => process.stderr.write(`[cluster] ${line}\n`), {
  orders: ORDERS,
  settings: SETTINGS,
});
try {
  const [all, ...own] = cluster.fronts as [Address, ...Address[]];
  const rounds: [string, Address[]][] = [
    ["all instances write to one node", own.map(() => all)],
    ["each instance has a node of its own", own],
  ];
  for (const [i, [title, ways]] of rounds.entries()) {
    if (process.argv[2] && process.argv[2] !== String(i + 1)) continue;
    say(`\n${title}`);
    row(["fault", "requests", "answered", "503", "no answer", "slowest ms", "errors ms", "took ms", "wrong"]);
    const database = `chaos${i + 1}`;
    const root = await createConnection(all);
    await root.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
    await root.end();
    const { tally, broken: here } = await round(cluster, database, ways, report);
    say(
      `acknowledged, and looked for at all instances: ${tally.registered.length} registrations, ${tally.spent.length} rotations, ` +
        `${tally.revoked.length} logouts, ${tally.passwords.size} changed passwords, ${tally.live.size} live sessions`,
    );
    broken.push(...here);
  }
} finally {
  await cluster.stop();
}
say(`\n${broken.length} promises broken, in ${Math.round((performance.now() - begun) / 1000)} s`);
for (const what of broken.slice(0, 30)) say(`  ${what}`);
process.exit(broken.length > 0 ? 1 : 0);
