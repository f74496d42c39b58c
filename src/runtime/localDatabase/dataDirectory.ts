import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { commonFlags, type Engine, type Family, shareFolder, temporaryTables } from "./engine.ts";
import { makeFolderOnce, removeFolder } from "./files.ts";
import { lastLines, type Report, run, withProgress } from "./run.ts";

/** Which servers made a data directory; undefined when there is none yet. @throws Error when it holds something else. */
export async function madeBy(dataFolder: string): Promise<Family | undefined> {
  if (!existsSync(dataFolder) || (await readdir(dataFolder)).length === 0) return undefined;
  if (existsSync(join(dataFolder, "aria_log_control"))) return "mariadb";
  if (existsSync(join(dataFolder, "ibdata1"))) return "mysql";
  throw new Error(`${dataFolder} is neither empty nor the data directory of a database`);
}

/** Makes the data directory, whole or not at all; it knows root@localhost without a password and no one else. */
export async function makeDataDirectory(engine: Engine, dataFolder: string, report: Report): Promise<void> {
  const make = makeFolderOnce(dataFolder, (temporary) => initialise(engine, temporary));
  await withProgress(report, `making the data directory ${dataFolder}`, make);
}

/** Copies a data directory that was made once per engine and is kept in `folder`: several times faster. */
export async function copyDataDirectory(
  engine: Engine,
  folder: string,
  dataFolder: string,
  report: Report,
): Promise<void> {
  const template = join(folder, `template-${engine.family}-${engine.version}`);
  if (!existsSync(template)) await makeDataDirectory(engine, template, report);
  await makeFolderOnce(dataFolder, (temporary) => cp(template, temporary, { recursive: true }));
}

async function initialise(engine: Engine, dataFolder: string): Promise<void> {
  const flags = commonFlags(engine, dataFolder);
  const how =
    engine.family === "mysql"
      ? { command: [engine.binary, ...flags, "--initialize-insecure"] }
      : {
          command: [engine.binary, ...flags, "--bootstrap", "--skip-networking"],
          stdin: await bootstrapSql(shareFolder(engine)),
        };
  const { command, ...rest } = how;
  const temporary = temporaryTables(dataFolder);
  await mkdir(temporary, { mode: 0o700 });
  const made = await run(command, { ...rest, env: engine.env, cwd: dirname(dataFolder), timeout: 120_000 });
  await removeFolder(temporary);
  if (!made.ok)
    throw new Error(
      `${engine.name} could not make its data directory:\n${lastLines(made.stdout + made.stderr)}`,
    );
}

/** What MariaDB's install script would feed the server, without its anonymous and network accounts. */
async function bootstrapSql(share: string): Promise<string> {
  const parts = ["system_tables", "performance_tables", "system_tables_data"].map((part) => {
    // Called mariadb_… since 11.x.
    const files = ["mysql", "mariadb"].map((prefix) => join(share, `${prefix}_${part}.sql`));
    return readFile(files.find((file) => existsSync(file)) ?? join(share, `mysql_${part}.sql`), "utf8");
  });
  return [
    "create database mysql;\nuse mysql;",
    "set @auth_root_socket=NULL, @skip_auth_anonymous=1, @current_hostname='localhost';",
    ...(await Promise.all(parts)),
    "delete from mysql.global_priv where User in ('', 'root') and Host <> 'localhost';",
    "delete from mysql.proxies_priv where Host <> 'localhost';\n",
  ].join("\n");
}
