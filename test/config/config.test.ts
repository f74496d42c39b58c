import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { defaultOf, type VariableName, variableNames } from "../../src/config/variables.ts";
import { ConfigError, parseConfig } from "../../src/config.ts";
import { loadConfig } from "../../src/runtime/environment.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const SECRET = "test-secret-that-is-only-for-tests-0123456789";
const PEM = "-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n";
const read = (path: string) => {
  if (path !== "/ca.pem") throw new Error("ENOENT");
  return PEM;
};
const parse = (env: Record<string, string>) => parseConfig({ JWT_SECRET_KEY: SECRET, ...env }, read);
const problems = (env: Record<string, string | undefined>, readFile = read): string[] => {
  try {
    parseConfig(env, readFile);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe("parseConfig", () => {
  test("defaults", () => {
    expect(parse({ TZ: "UTC" })).toEqual({
      production: false,
      host: "127.0.0.1",
      port: 5000,
      metrics: undefined,
      drainSeconds: 0,
      timeZone: "UTC",
      corsOrigins: "*",
      docs: true,
      trustedHops: 0,
      forwardedHeader: "x-forwarded-for",
      logLevel: "info",
      dataFolder: ".data",
      database: undefined,
      databasePoolSize: 10,
      migrateOnStart: true,
      jwtSecretKey: SECRET,
      previousSecrets: [],
      warnings: [],
      accessTokenSeconds: 7200,
      refreshTokenSeconds: 2_592_000,
      refreshRetrySeconds: 30,
      passwordMinLength: 8,
      passwordFormat: "argon2id",
      argon2: { memoryKib: 19_456, timeCost: 2 },
      hashConcurrency: undefined,
      hashQueueLimit: 100,
      loginFailuresPerAccount: 10,
      loginFailuresPerClient: 100,
      registrationsPerClient: 100,
      throttleWindowSeconds: 900,
      purgeIntervalSeconds: 600,
    });
  });
  test("is frozen, and an empty variable counts as absent", () => {
    const config = parse({ PORT: "", CORS_ORIGINS: "", DATABASE_URL: "", MYSQL_HOSTNAME: "" });
    expect(config.port).toBe(5000);
    expect(config.database).toBeUndefined();
    expect(Object.isFrozen(config)).toBe(true);
  });
  test("a port of its own for metrics, at the service's address or another", () => {
    expect(parse({ METRICS_PORT: "9100", HOST: "0.0.0.0" }).metrics).toEqual({ host: "0.0.0.0", port: 9100 });
    expect(parse({ METRICS_PORT: "9100", METRICS_HOST: "::1" }).metrics).toEqual({ host: "::1", port: 9100 });
    expect(parse({ METRICS_PORT: "0", METRICS_HOST: "::1" }).metrics).toBeUndefined();
    expect(parse({ PORT: "9100", METRICS_PORT: "9100", METRICS_HOST: "::1" }).metrics?.port).toBe(9100);
    expect(() => parse({ PORT: "9100", METRICS_PORT: "9100" })).toThrow("METRICS_PORT must be another port");
    expect(parse({ DRAIN_SECONDS: "5" }).drainSeconds).toBe(5);
    expect(() => parse({ DRAIN_SECONDS: "301" })).toThrow(
      "DRAIN_SECONDS must be a whole number from 0 to 300",
    );
  });
  test("the seed's names for the database", () => {
    const config = parse({
      MYSQL_USER_NAME: "root",
      MYSQL_USER_PASSWORD: "p@ss:/?#",
      MYSQL_HOSTNAME: "192.0.2.7",
      MYSQL_DATABASE_NAME: "my_db",
    });
    expect(config.database).toEqual({
      host: "192.0.2.7",
      port: 3306,
      user: "root",
      password: "p@ss:/?#",
      database: "my_db",
    });
  });
  test("DATABASE_URL in its forms, and before the seed's names", () => {
    const url = (text: string) => parse({ DATABASE_URL: text, MYSQL_HOSTNAME: "x" }).database;
    expect(url("mysql://u:p%40ss@db.example:3307/name")).toEqual({
      host: "db.example",
      port: 3307,
      user: "u",
      password: "p@ss",
      database: "name",
    });
    expect(url("mysql://u%40s%3Aer:p@db/na%20me")).toMatchObject({ user: "u@s:er", database: "na me" });
    expect(url("mysql+pymysql://u@db/name")).toEqual({
      host: "db",
      port: 3306,
      user: "u",
      password: "",
      database: "name",
    });
    expect(url("mysql://u@localhost/name?socket=%2Ftmp%2Fmy.sock")).toEqual({
      socketPath: "/tmp/my.sock",
      user: "u",
      password: "",
      database: "name",
    });
  });
  test("DATABASE_URL with IPv6, and what it must not drop silently", () => {
    expect(parse({ DATABASE_URL: "mysql://u:p@[::1]:3399/name" }).database).toMatchObject({
      host: "::1",
      port: 3399,
    });
    expect(parse({ DATABASE_URL: "mysql+pymysql://u:p@db/name?charset=utf8" }).database?.host).toBe("db");
    for (const url of ["mysql://u:p@db/name?ssl-mode=REQUIRED", "mysql://u:p@db/name?ssl=true"]) {
      expect(problems({ JWT_SECRET_KEY: SECRET, DATABASE_URL: url })).toEqual([
        expect.stringContaining("DATABASE_TLS"),
      ]);
    }
    for (const url of [
      "mysql://u:p@db:0/name",
      "mysql://u:p@db/name/more",
      "mysql://db/name",
      "mysql://u:p@db",
    ]) {
      expect(problems({ JWT_SECRET_KEY: SECRET, DATABASE_URL: url })).toHaveLength(1);
    }
  });
  test("NODE_ENV is one of three, in any case: a slip must not turn production's refusals off", () => {
    expect(parse({ NODE_ENV: "Test" }).production).toBe(false);
    expect(problems({ NODE_ENV: "Production", JWT_SECRET_KEY: "short" })).toHaveLength(2);
    expect(problems({ NODE_ENV: "prod", JWT_SECRET_KEY: SECRET })).toEqual([
      "NODE_ENV must be development, test or production",
    ]);
  });
  test("TLS with the system's roots or with a CA file", () => {
    const url = { DATABASE_URL: "mysql://u:p@db/name" };
    expect(parse(url).database?.tls).toBeUndefined();
    expect(parse({ ...url, DATABASE_TLS: "on" }).database?.tls).toEqual({ verifyName: true });
    expect(parse({ ...url, DATABASE_TLS_CA_FILE: "/ca.pem" }).database?.tls).toEqual({
      ca: PEM,
      verifyName: true,
    });
    expect(parse({ ...url, DATABASE_TLS: "on", DATABASE_TLS_VERIFY_NAME: "off" }).database?.tls).toEqual({
      verifyName: false,
    });
    const refusal = ["DATABASE_TLS_CA_FILE must name a readable PEM file with a CERTIFICATE"];
    expect(problems({ ...url, JWT_SECRET_KEY: SECRET, DATABASE_TLS_CA_FILE: "/nope.pem" })).toEqual(refusal);
    const key = PEM.replaceAll("CERTIFICATE", "PRIVATE KEY");
    const other = { ...url, JWT_SECRET_KEY: SECRET, DATABASE_TLS_CA_FILE: "/key.pem" };
    expect(problems(other, () => key)).toEqual(refusal);
  });
  test("SECRET_KEY stands in for JWT_SECRET_KEY", () => {
    expect(parseConfig({ SECRET_KEY: "other" }, read).jwtSecretKey).toBe("other");
    expect(parse({ SECRET_KEY: "other" }).jwtSecretKey).toBe(SECRET);
  });
  test("one error lists every problem, and shows no secret", () => {
    const env = {
      NODE_ENV: "production",
      PORT: "70000",
      TZ: "Mars/Olympus",
      CORS_ORIGINS: "https://a.example/path",
      JWT_ACCESS_TOKEN_EXPIRES: "2h",
      MIGRATE_ON_START: "maybe",
      LOG_LEVEL: "loud",
      DATABASE_URL: "postgres://user:hush-hush@db/name",
      JWT_SECRET_KEY: "hush-hush",
    };
    const found = problems(env);
    for (const name of Object.keys(env).filter((name) => name !== "NODE_ENV")) {
      expect(found.filter((problem) => problem.startsWith(name))).toHaveLength(1);
    }
    expect(found).toHaveLength(8);
    expect(new ConfigError(found).message).not.toContain("hush-hush");
  });
  test("switches in any case, a zone with the colon of some systems, and no empty list of origins", () => {
    const url = { DATABASE_URL: "mysql://u:p@db/name" };
    for (const on of ["on", "ON", "True", "1"])
      expect(parse({ ...url, DATABASE_TLS: on }).database?.tls).toEqual({ verifyName: true });
    for (const off of ["off", "OFF", "False", "0"]) expect(parse({ DOCS: off }).docs).toBe(false);
    expect(parse({ TZ: ":Asia/Shanghai" }).timeZone).toBe("Asia/Shanghai");
    expect(parse({ CORS_ORIGINS: " https://a.example, https://b.example ," }).corsOrigins).toEqual([
      "https://a.example",
      "https://b.example",
    ]);
    for (const CORS_ORIGINS of [",", " , ", "null", "*, https://a.example"])
      expect(problems({ JWT_SECRET_KEY: SECRET, CORS_ORIGINS })).toEqual([
        expect.stringContaining("CORS_ORIGINS must be * or a comma-separated list"),
      ]);
  });
  test("a database named in part is a mistake, not a wish for a local one", () => {
    expect(problems({ JWT_SECRET_KEY: SECRET, MYSQL_USER_PASSWORD: "x" })).toHaveLength(3);
    expect(problems({ JWT_SECRET_KEY: SECRET, MYSQL_HOSTNAME: "db" })).toEqual([
      "MYSQL_USER_NAME is required beside the other MYSQL_ variables",
      "MYSQL_DATABASE_NAME is required beside the other MYSQL_ variables",
    ]);
  });
});

describe("a whole number", () => {
  const YEAR = 366 * 86_400;
  const BOUNDS: [name: VariableName, min: number, max: number][] = [
    ["PORT", 0, 65_535],
    ["METRICS_PORT", 0, 65_535],
    ["DRAIN_SECONDS", 0, 300],
    ["TRUSTED_HOPS", 0, 32],
    ["MYSQL_PORT", 1, 65_535],
    ["DATABASE_POOL_SIZE", 2, 1000],
    ["JWT_ACCESS_TOKEN_EXPIRES", 1, YEAR],
    ["JWT_REFRESH_TOKEN_EXPIRES", 1, YEAR],
    ["REFRESH_RETRY_SECONDS", 0, 3600],
    ["PASSWORD_MIN_LENGTH", 1, 128],
    ["ARGON2_MEMORY_KIB", 8, 262_144],
    ["ARGON2_TIME_COST", 1, 32],
    ["HASH_CONCURRENCY", 0, 1024],
    ["HASH_QUEUE_LIMIT", 0, 100_000],
    ["LOGIN_FAILURES_PER_ACCOUNT", 1, 1_000_000],
    ["LOGIN_FAILURES_PER_CLIENT", 1, 1_000_000],
    ["REGISTRATIONS_PER_CLIENT", 1, 1_000_000],
    ["THROTTLE_WINDOW_SECONDS", 1, 86_400],
    ["PURGE_INTERVAL_SECONDS", 1, 86_400],
  ];
  const found = (name: string, value: number | string) =>
    problems({ JWT_SECRET_KEY: SECRET, [name]: String(value) });
  for (const [name, min, max] of BOUNDS)
    test(`${name}, from ${min} to ${max}, in digits alone`, () => {
      for (const value of [min, max, `0${max}`]) expect([value, found(name, value)]).toEqual([value, []]);
      const others = [`${max}e0`, `0x${max.toString(16)}`, ` ${max}`, `${max} `, `${max}.0`, `+${max}`, "x"];
      for (const value of [min - 1, max + 1, ...others])
        expect([value, found(name, value)]).toEqual([
          value,
          [`${name} must be a whole number from ${min} to ${max}`],
        ]);
    });
  test("is what no other variable is", () => {
    const whole = variableNames.filter((name) => found(name, "x").join().includes("whole number"));
    expect(whole.toSorted()).toEqual(BOUNDS.map(([name]) => name).toSorted());
  });
});

describe("NODE_ENV=production", () => {
  const production = (env: Record<string, string>) =>
    problems({ NODE_ENV: "production", DATABASE_URL: "mysql://u:p@db/name", ...env });
  test("needs a database and a secret", () => {
    expect(problems({ NODE_ENV: "production" })).toEqual([
      "DATABASE_URL (or MYSQL_HOSTNAME and its companions) is required with NODE_ENV=production",
      "JWT_SECRET_KEY (or SECRET_KEY) is required: make one with `openssl rand -base64 48`",
    ]);
    expect(production({ JWT_SECRET_KEY: "kJ8s0dP2mQx7Zt5vLw9bRn3cYh6fGa1e" })).toEqual([]);
  });
  test("refuses a secret that is short, known, or of a few characters", () => {
    const weak: [string, string][] = [
      ["kJ8s0dP2mQx7Zt5vLw9bRn3cYh6fGa1", "must have at least 32 bytes"],
      ["secret", "must have at least 32 bytes"],
      ["a-string-secret-at-least-256-bits-long", "well-known"],
      ["ab".repeat(40), "repeats a few characters"],
    ];
    for (const [secret, reason] of weak) {
      const found = [expect.stringContaining(reason)];
      expect(production({ JWT_SECRET_KEY: secret })).toEqual(found);
      expect(production({ SECRET_KEY: secret })).toEqual(found);
      expect(production({ JWT_SECRET_KEY: SECRET, JWT_SECRET_KEY_PREVIOUS: secret })).toEqual(found);
    }
  });
  test("refuses the seed's own secret, however its quotes and backslashes were read", () => {
    const literal = String.raw`b'#q)\\x00\xd6\x9f<iBQ\xd7;,\xe2E'`;
    const readings = [
      literal,
      literal.slice(2, -1),
      literal.replaceAll("\\\\", "\\"),
      literal.replaceAll("\\", ""),
      `"${literal}" # and more, so that it is long enough`,
    ];
    for (const secret of readings) expect(production({ JWT_SECRET_KEY: secret })[0]).toContain("tutorial");
  });
});

describe("a secret for a takeover", () => {
  const env = { NODE_ENV: "production", DATABASE_URL: "mysql://u:p@db/name", ACCEPT_WEAK_SECRET: "on" };
  test("that is weak is accepted on demand, with a warning that says what to do next", () => {
    const literal = String.raw`b'#q)\\x00\xd6\x9f<iBQ\xd7;,\xe2E'`;
    for (const secret of [literal, "short"]) {
      const config = parseConfig({ ...env, JWT_SECRET_KEY: secret }, read);
      expect(config.jwtSecretKey).toBe(secret);
      expect(config.warnings).toEqual([expect.stringContaining("set a new JWT_SECRET_KEY")]);
      expect(config.warnings.join()).not.toContain(secret);
    }
    expect(
      parseConfig({ ...env, JWT_SECRET_KEY: "kJ8s0dP2mQx7Zt5vLw9bRn3cYh6fGa1e" }, read).warnings,
    ).toEqual([]);
  });
  test("that is weak among the previous ones is warned of too", () => {
    const strong = {
      ...env,
      JWT_SECRET_KEY: "kJ8s0dP2mQx7Zt5vLw9bRn3cYh6fGa1e",
      JWT_SECRET_KEY_PREVIOUS: "abc",
    };
    expect(parseConfig(strong, read).warnings).toEqual([expect.stringContaining("JWT_SECRET_KEY_PREVIOUS")]);
    expect(problems({ ...strong, ACCEPT_WEAK_SECRET: "off" })).toEqual([
      expect.stringContaining("JWT_SECRET_KEY_PREVIOUS"),
    ]);
  });
  test("in a file that is not UTF-8 is refused, not misread", async () => {
    await using folder = temporaryFolder("config");
    const file = join(folder.path, "secret");
    await Bun.write(file, new Uint8Array([...Buffer.from(SECRET), 0xff]));
    expect(() => loadConfig({ JWT_SECRET_KEY_FILE: file })).toThrow("JWT_SECRET_KEY_FILE");
  });
  test("that is absent is refused all the same", () => {
    expect(problems(env)).toHaveLength(1);
  });
  test("comes from a file byte for byte, less the newline at its end", () => {
    const file = (text: string) =>
      parseConfig({ JWT_SECRET_KEY_FILE: "/secret", JWT_SECRET_KEY: "x", TZ: "UTC" }, () => text)
        .jwtSecretKey;
    const literal = String.raw`b'#q)\\x00\xd6 $HOME "\`' # text`;
    expect(file(`${literal}\n`)).toBe(literal);
    expect(file(`${literal}\n\n`)).toBe(`${literal}\n`);
    expect(file(`${literal}\r\n`)).toBe(literal); // as an editor on Windows ends a line
    const previous = { JWT_SECRET_KEY: SECRET, JWT_SECRET_KEY_PREVIOUS_FILE: "/previous" };
    for (const text of [`${literal}\n b,c\n`, `${literal}\r\n b,c\r\n\r\n`])
      expect(parseConfig(previous, () => text).previousSecrets).toEqual([literal, " b,c"]);
    for (const text of ["", "\n", "\r\n"])
      expect(problems({ JWT_SECRET_KEY_FILE: "/secret" }, () => text)).toEqual([
        "JWT_SECRET_KEY_FILE must name a readable file of UTF-8 text that is not empty",
      ]);
    expect(file(` ${literal} `)).toBe(` ${literal} `);
    const both = { JWT_SECRET_KEY_FILE: "/secret", JWT_SECRET_KEY: SECRET };
    expect(parseConfig({ ...both, TZ: "UTC" }, () => SECRET).warnings).toEqual([
      "JWT_SECRET_KEY is not read, since JWT_SECRET_KEY_FILE is set", // or who changes it believes that it is done
    ]);
    expect(problems({ JWT_SECRET_KEY_FILE: "/nowhere", JWT_SECRET_KEY: SECRET })).toEqual([
      expect.stringContaining("JWT_SECRET_KEY_FILE"), // and not that there is none
    ]);
  });
});

test("a secret of our own making: kept for its owner's eyes only, another in each folder, none in production", async () => {
  const made = await Promise.all(
    [1, 2].map(async () => {
      await using folder = temporaryFolder("config");
      const DATA_DIR = join(folder.path, "data");
      const [first, again] = [loadConfig({ DATA_DIR }), loadConfig({ DATA_DIR })];
      expect(again.jwtSecretKey).toBe(first.jwtSecretKey);
      expect(statSync(DATA_DIR).mode & 0o777).toBe(0o700);
      expect(statSync(join(DATA_DIR, "jwt-secret")).mode & 0o777).toBe(0o600);
      return first.jwtSecretKey;
    }),
  );
  expect(new Set(made).size).toBe(2);
  for (const secret of made) expect(secret).toHaveLength(64);
  await using folder = temporaryFolder("config");
  const DATA_DIR = join(folder.path, "data");
  const env = { NODE_ENV: "production", DATABASE_URL: "mysql://u:p@db/name", DATA_DIR };
  expect(() => loadConfig(env)).toThrow("JWT_SECRET_KEY (or SECRET_KEY) is required");
});

test("compose.yaml hands on every variable but those of places and files", async () => {
  const compose = await Bun.file("compose.yaml").text();
  const places =
    /^(NODE_ENV|HOST|PORT|METRICS_HOST|DATA_DIR|MIGRATE_ON_START|SECRET_KEY|DATABASE_(URL|TLS.*)|MYSQL_.*|.*_FILE)$/;
  for (const name of variableNames.filter((name) => !places.test(name)))
    expect(compose).toMatch(new RegExp(`^ {4,6}${name}: \\$\\{${name}:`, "m"));
});

test("README and .env.example have every variable once, with its default", async () => {
  const readme = await Bun.file("README.md").text();
  const example = await Bun.file(".env.example").text();
  /** What the README says where there is no value to say. */
  const described: Partial<Record<VariableName, string>> = {
    TZ: "the machine's",
    METRICS_HOST: "`HOST`",
    DOCS: "see meaning",
  };
  const same = (name: string) => (text?: string) =>
    name === "FORWARDED_HEADER" ? text?.toLowerCase() : text;
  for (const name of variableNames) {
    const lines = [...example.matchAll(new RegExp(`^# ${name}=(.*)$`, "gm"))];
    const rows = [...readme.matchAll(new RegExp(`^\\| \`${name}\` *\\| (.*?) *\\|`, "gm"))];
    const value = defaultOf(name);
    expect([name, lines.map(([, text]) => same(name)(text))]).toEqual([name, [value]]);
    const said = described[name] ?? (value === "" ? "none" : `\`${value}\``);
    expect([name, rows.map(([, text]) => same(name)(text))]).toEqual([name, [said]]);
  }
});
