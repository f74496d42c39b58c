import { availableParallelism } from "node:os";

/** Checks a password over and over, as many at once as there are cores, and says how often: STORED, PASSWORD, SECONDS. */
const { STORED = "", PASSWORD = "", SECONDS = "3" } = process.env;
if (!(await Bun.password.verify(PASSWORD, STORED, "argon2id"))) throw new Error("not the password"); // and warm

const begin = performance.now();
const end = begin + Number(SECONDS) * 1000;
let count = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (; performance.now() < end; count++) await Bun.password.verify(PASSWORD, STORED, "argon2id");
  }),
);
process.stdout.write(JSON.stringify({ perSecond: count / ((performance.now() - begin) / 1000) }));
