import fc from "fast-check";
import { claim } from "./judge.ts";
import { fair, text } from "./text.ts";
import { json, type World } from "./world.ts";

const name = fc.oneof({ weight: 3, arbitrary: fair }, { weight: 4, arbitrary: text });
const password = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fair, text).map(([a, b]) => a + b) },
  { weight: 1, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fair, fc.constantFrom("\ufffd", "\0tail", "e\u0301", "\u{1f600}"))
      .map(([a, b]) => a + b),
  },
);

/** Other passwords that a sloppy comparison would take for the same. */
const NEARLY: ((password: string) => string)[] = [
  (p) => `${p} `,
  (p) => p.slice(0, -1),
  (p) => `${p}\0`,
  (p) => p.replace(/\0.*/s, "\0other"),
  (p) => p.replaceAll("\ufffd", "\ud800"),
  (p) => p.normalize("NFKC"),
  (p) => p.toUpperCase(),
  (p) => p.slice(0, 72),
  (p) => p.trim(),
];

const characters = (some: string) => [...some].length;

/** README's rules for a new name and password, in words of its own; the list of common passwords aside. */
function acceptable(username: string, secret: string): boolean {
  if (!username.isWellFormed() || !secret.isWellFormed()) return false;
  const [who, what] = [username.normalize("NFC"), secret.normalize("NFC")];
  const short =
    characters(who) >= 1 && characters(who) <= 40 && characters(what) >= 8 && characters(what) <= 128;
  return short && !/[\p{Cc}\u2028\u2029]/u.test(who) && !/^\s|\s$/u.test(who);
}

/**
 * Who registers can log in with what was registered, in any normal form, and is shown by that name in NFC; nobody gets
 * in with a password that is only nearly the same; who is refused has no account.
 */
export const registration = (world: World) =>
  fc.asyncProperty(
    name,
    password,
    fc.constantFrom("NFC", "NFD", "as sent"),
    fc.constantFrom(...NEARLY.keys()),
    async (username, secret, form, nearly) => {
      const taken =
        (await rows(world, "SELECT id FROM user WHERE username = ?", username.normalize("NFC"))).length > 0;
      const secrets = secret.length > 8 ? [secret] : [];
      const reply = await world.send({
        method: "POST",
        path: "/api/register",
        secrets,
        ...json({ username, password: secret }),
      });
      const why = () => `${JSON.stringify([username, secret, form])} → ${reply.text}`;
      if (reply.status !== 200) {
        const usual = /must not be the username|most commonly used/.test(reply.text);
        const reason = !acceptable(username, secret) || usual ? "validation_failed" : "username_taken";
        claim(
          reply.code === reason && (reason !== "username_taken" || taken),
          () => `refused without reason: ${why()}`,
        );
        return;
      }
      claim(acceptable(username, secret) && !taken, () => `registered against the rules: ${why()}`);
      const spelled = (some: string) => (form === "as sent" ? some : some.normalize(form));
      const login = (what: string, app = world.one) =>
        world.send(
          {
            method: "POST",
            path: "/api/login",
            secrets,
            ...json({ username: spelled(username), password: what }),
          },
          app,
        );
      const good = await login(spelled(secret), world.two);
      claim(good.status === 200, () => `registered but cannot log in: ${why()} ${good.text}`);
      const { accessToken } = good.data as { accessToken: string };
      const headers: [string, string][] = [["Authorization", accessToken]];
      const [own, list] = [
        await world.send({ method: "GET", path: "/api/getUser", headers }),
        await world.send({ method: "GET", path: "/api/getUserList", headers }),
      ];
      const shown = own.data as { id: number; username: string };
      claim(shown.username === username.normalize("NFC"), () => `another name: ${why()} ${own.text}`);
      const listed = (list.data as (typeof shown)[]).filter(({ id }) => id === shown.id);
      claim(
        listed.length === 1 && listed[0]?.username === shown.username,
        () => `not listed: ${why()} ${list.text}`,
      );
      claim(
        !secrets.some((one) => !shown.username.includes(one) && own.text.includes(one)),
        () => `password shown: ${why()}`,
      );
      const other = NEARLY[nearly]?.(secret) ?? "";
      if (other.normalize("NFC") === secret.normalize("NFC")) return;
      const bad = await login(other);
      claim(bad.code === "invalid_password", () => `in with ${JSON.stringify(other)}: ${why()} ${bad.text}`);
    },
  );

const rows = async (world: World, sql: string, value: string) =>
  (await world.pool.query(sql, [value]))[0] as { id: number }[];
