import { beforeAll, expect, test } from "bun:test";
import { type TestApp, type Tokens, testApp, unique } from "../support/app.ts";
import { TARGETS, type Target } from "../support/targets/index.ts";

/** One service, three times, on one database and clock. */
const at = {} as Record<Target, TestApp>;
beforeAll(async () => {
  const startMs = Date.now();
  const env = { ARGON2_MEMORY_KIB: "256", ARGON2_TIME_COST: "2" };
  for (const target of TARGETS) at[target] = await testApp({ startMs, env }, target);
});

const others = (target: Target) => TARGETS.filter((one) => one !== target);
const getUser = (target: Target, token: string) => at[target].withToken("GET", "/api/getUser", token);

for (const target of TARGETS) {
  test(`an account made on ${target} logs in everywhere, and no other password does`, async () => {
    const username = unique("Zoë-小");
    for (const [name, password, wrong] of [
      [`${username}1`, "пароль-один!", "пароль-ДВА!!"],
      [`${username}2`, "密码 пароль 🔑", "密码 пароль 🔒"],
      [`${username}3`, "cafe\u0301 a la cre\u0300me", "cafe a la creme"],
    ] as const) {
      const made = await at[target].post("/api/register", { username: name, password });
      expect(made.status).toBe(200);
      for (const one of TARGETS) {
        await at[one].login(name, password);
        await at[one].login(name, password.normalize("NFC"));
        const refused = await at[one].post("/api/login", { username: name, password: wrong });
        expect([one, refused.body.code]).toEqual([one, "invalid_password"]);
      }
    }
  });

  test(`tokens of ${target} are good everywhere, until it ends them`, async () => {
    const { accessToken, refreshToken } = await at[target].newUser();
    for (const one of others(target)) {
      expect((await getUser(one, accessToken)).status).toBe(200);
      const fresh = (await at[one].withToken("GET", "/api/refreshToken", refreshToken)).body.data as Tokens;
      expect((await getUser(target, fresh.accessToken)).status).toBe(200);
    }
    expect((await at[target].withToken("POST", "/api/logout", accessToken)).status).toBe(200);
    for (const one of TARGETS) {
      expect([one, (await getUser(one, accessToken)).body.code]).toEqual([one, "token_revoked"]);
      const refreshed = await at[one].withToken("GET", "/api/refreshToken", refreshToken);
      expect([one, refreshed.body.code]).toEqual([one, "token_revoked"]);
    }
  });

  test(`a refresh token spent on ${target} is spent everywhere`, async () => {
    const { refreshToken } = await at[target].newUser();
    const next = (await at[target].withToken("POST", "/api/rotateToken", refreshToken)).body.data as Tokens;
    for (const one of others(target)) {
      const again = await at[one].withToken("POST", "/api/rotateToken", refreshToken); // a retry: the same successor
      expect([one, again.status]).toEqual([one, 200]);
      expect((await getUser(one, next.accessToken)).status).toBe(200);
    }
  });

  test(`a password changed on ${target} is changed everywhere`, async () => {
    const { username, accessToken } = await at[target].newUser();
    const [password, newPassword] = ["correct horse battery", "новый пароль, длиннее"];
    const elsewhere = await Promise.all(others(target).map((one) => at[one].login(username)));
    const changed = await at[target].post(
      "/api/changePassword",
      { password, newPassword },
      { Authorization: accessToken },
    );
    expect(changed.status).toBe(200);
    for (const one of TARGETS) {
      for (const ended of elsewhere)
        expect((await getUser(one, ended.accessToken)).body.code).toBe("token_revoked");
      expect((await at[one].post("/api/login", { username, password })).body.code).toBe("invalid_password");
      await at[one].login(username, newPassword);
    }
  });

  test(`failed logins on ${target} count everywhere`, async () => {
    const { username } = await at[target].newUser();
    const attempt = (one: Target, password: string) => at[one].post("/api/login", { username, password });
    for (const one of TARGETS) at[one].state.address = "203.0.113.7";
    for (let n = 0; n < 10; n++) expect((await attempt(target, "wrong")).body.code).toBe("invalid_password");
    for (const one of TARGETS)
      expect((await attempt(one, "correct horse battery")).body.code).toBe("too_many_attempts");
  });
}
