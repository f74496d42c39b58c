import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installHint } from "../../../src/runtime/localDatabase/hint.ts";
import { startLocalDatabase } from "../../../src/runtime/localDatabase/index.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { onlyTools, query, SERVERS_AND_APT, silent } from "./support.ts";

const hasApt = Bun.which("apt-get") !== null && Bun.which("dpkg-deb") !== null;
const APT = SERVERS_AND_APT.filter((name) => !["mysqld", "mariadbd"].includes(name));

test("a machine with nothing gets the command to install a server, and no folder of data", async () => {
  await using temporary = temporaryFolder();
  const start = startLocalDatabase({ folder: temporary.path, path: "", report: silent });
  await expect(start).rejects.toThrow(
    /no database server found[\s\S]*Install one: .*maria[\s\S]*or set DATABASE_URL/i,
  );
  expect(existsSync(join(temporary.path, "database"))).toBe(false);
});

test("data made by MySQL is not given to MariaDB", async () => {
  await using temporary = temporaryFolder();
  await mkdir(join(temporary.path, "database"));
  await writeFile(join(temporary.path, "database", "ibdata1"), "");
  const path = onlyTools(temporary.path, APT);
  const start = startLocalDatabase({ folder: temporary.path, path, report: silent });
  await expect(start).rejects.toThrow("the data was made by MySQL");
});

test.skipIf(!hasApt)("without a server MariaDB is unpacked from apt, by two at once too", async () => {
  await using temporary = temporaryFolder();
  await mkdir(join(temporary.path, "bin"));
  const path = onlyTools(join(temporary.path, "bin"), APT);
  const folder = join(temporary.path, "data");
  const lines: string[] = [];
  const options = { folder, throwaway: true, path, report: (line: string) => void lines.push(line) };
  const databases = await Promise.all([startLocalDatabase(options), startLocalDatabase(options)]);
  for (const database of databases) {
    expect(database.engine).toMatch(/^MariaDB \d+\.\d+\.\d+ \(unpacked in .*\/data\/mariadb\)$/);
    expect(await query(database.connection, "select 1 as one")).toEqual([{ one: 1 }]);
    await database.stop();
  }
  expect(lines.join("\n")).toContain("fetching MariaDB with apt-get download");
  expect(lines.join("\n")).toContain(`database: ${databases[0]?.engine}`);
  const left = readdirSync(folder).map((name) => name.replace(/-[\d.]+$/, ""));
  expect(left.sort()).toEqual(["mariadb", "template-mariadb", "throwaway"]);
  expect(readdirSync(join(folder, "throwaway"))).toEqual([]);
  expect(existsSync(join(folder, "mariadb/apt"))).toBe(false);

  // The copy is enough from now on: no apt on this PATH.
  const again = await startLocalDatabase({ ...options, path: "" });
  await again.stop();
});

test.skipIf(!hasApt)("apt without package lists gets lists of its own", async () => {
  await using temporary = temporaryFolder();
  await mkdir(join(temporary.path, "bin"));
  await mkdir(join(temporary.path, "none/partial"), { recursive: true });
  const config = join(temporary.path, "apt.conf");
  await writeFile(config, `Dir::State::lists "${temporary.path}/none";\n`);
  const options = {
    folder: join(temporary.path, "data"),
    path: onlyTools(join(temporary.path, "bin"), APT),
    once: "stop",
  };
  const owner = Bun.spawn([process.execPath, join(import.meta.dir, "owner.ts"), JSON.stringify(options)], {
    env: { ...process.env, APT_CONFIG: config },
    stdio: ["ignore", "pipe", "inherit"],
  });
  expect(JSON.parse(await new Response(owner.stdout).text()).engine).toContain("unpacked in");
  expect(readdirSync(join(temporary.path, "none"))).toEqual(["partial"]);
});

describe("the install hint", () => {
  const cases = [
    ["linux", 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n', "sudo apt-get install mariadb-server"],
    ["linux", "ID=linuxmint\nID_LIKE=ubuntu\n", "sudo apt-get install mariadb-server"],
    ["linux", 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', "sudo dnf install mariadb-server"],
    ["linux", "ID=fedora\n", "sudo dnf install mariadb-server"],
    ["linux", "ID=alpine\n", "sudo apk add mariadb"],
    ["linux", "ID=arch\n", "sudo pacman -S mariadb"],
    ["darwin", "", "brew install mariadb"],
  ] as const;
  for (const [platform, release, command] of cases)
    test(`${command}, on ${release.split("\n")[0] || platform}`, () => {
      expect(installHint(platform, release)).toBe(command);
    });
  test("elsewhere it says what has to be there", () => {
    expect(installHint("linux", "ID=nixos\n")).toContain("on the PATH");
  });
});
