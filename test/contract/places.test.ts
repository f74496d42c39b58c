import { expect } from "bun:test";
import type { Passwords } from "../../src/auth/passwords.ts";
import { PASSWORD, testApp, unique } from "../support/app.ts";
import { inProcess } from "../support/targets/index.ts";

const steps: string[] = [];
/** Tells who comes in, asks for a hash and goes out again. */
const told = (passwords: Passwords): Passwords => ({
  ...passwords,
  async admit(from, work) {
    steps.push(`in ${from}`);
    try {
      return await passwords.admit(from, work);
    } finally {
      steps.push("out");
    }
  },
  hash(password, from) {
    steps.push(`hash ${from}`);
    return passwords.hash(password, from);
  },
  verify(password, stored, guard) {
    steps.push(`verify ${guard?.from}`);
    return passwords.verify(password, stored, guard);
  },
});

inProcess("it stands between the app and its hashing")(
  "every hash of a request is asked for within one place, in the name of its network",
  async () => {
    const it = await testApp({ around: told });
    const network = "2001:db8:7:7::/64";
    it.state.address = "2001:db8:7:7::1";
    const username = unique("u");
    const newPassword = "a wholly new passphrase";
    const during = async (work: () => Promise<{ status: number }>) => {
      steps.length = 0;
      expect((await work()).status).toBe(200);
      return [...steps];
    };
    const register = () => it.post("/api/register", { username, password: PASSWORD });
    expect(await during(register)).toEqual([`in ${network}`, `hash ${network}`, "out"]);
    const { accessToken } = await it.login(username);
    const dear = await testApp({ around: told, env: { ARGON2_TIME_COST: "2" }, db: it.db });
    dear.state.address = it.state.address;
    const both = [`in ${network}`, `verify ${network}`, `hash ${network}`, "out"];
    const renewing = () => dear.post("/api/login", { username, password: PASSWORD });
    expect(await during(renewing)).toEqual(both);
    const change = () =>
      dear.post("/api/changePassword", { password: PASSWORD, newPassword }, { Authorization: accessToken });
    expect(await during(change)).toEqual(both);
  },
);
