import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { spawnServer } from "./process.ts";
import { findProgram, lastLines, type Report, run, withProgress } from "./run.ts";
import { untilReady } from "./server.ts";
import type { LocalDatabase } from "./types.ts";

const IMAGE = "mysql:8.4";
const START_LIMIT = 120_000;
const PASSWORD = /^MYSQL_ROOT_PASSWORD=(.+)$/m;

export interface DockerOptions {
  /** Where the data directory would be: names the container and the volume that holds the data instead. */
  dataFolder: string;
  throwaway: boolean;
  path: string | undefined;
  report: Report;
}

/** Whether this database was begun in Docker, so that its data is in a volume there. */
export function hasDockerData(dataFolder: string): boolean {
  return existsSync(passwordFile(dataFolder));
}

/**
 * Starts MySQL in a container on a random loopback port, the data in a volume named after the data folder.
 * @returns undefined when no Docker daemon answers within 10 s. @throws Error when it does and MySQL does not start.
 */
export async function startDocker(options: DockerOptions): Promise<LocalDatabase | undefined> {
  const { dataFolder, throwaway, path, report } = options;
  const docker = findProgram("docker", path);
  if (docker === undefined) return undefined;
  const answer = await run([docker, "info", "--format", "{{.ServerVersion}}"], { timeout: 10_000 });
  if (!answer.ok || answer.stdout.trim() === "") return undefined;
  const engine = `MySQL in Docker (${IMAGE})`;
  report(`database: ${engine}`);

  const name = `latchkey-${Bun.hash(dataFolder).toString(36)}`;
  // Of a latchkey that was killed. The lock says that nobody uses it.
  const old = run([docker, "stop", "-t", "20", name], { timeout: 30_000 });
  await withProgress(report, "stopping the container of a latchkey that was killed", old);
  await run([docker, "rm", "--force", name]);
  await pullImage(docker, report);

  const file = passwordFile(dataFolder);
  const password = await keepPassword(file);
  const data = throwaway ? ["--tmpfs", "/var/lib/mysql"] : ["--volume", `${name}:/var/lib/mysql`];
  const logFile = `${dataFolder}.docker.log`;
  // In the foreground: the client passes the SIGTERM that it gets, also when this process is killed, to the container.
  const command = [
    ...[docker, "run", "--rm", "--name", name, "--env-file", file, "--publish", "127.0.0.1::3306"],
    ...[...data, IMAGE, "--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci"],
    ...["--max-allowed-packet=64M", "--skip-log-bin", "--performance-schema=OFF", "--mysqlx=OFF"],
  ];
  const child = await spawnServer(command, { logFile, path });
  // The client always has to be asked, killed it would leave the container behind.
  child.nowServing();
  const stop = async () => {
    await withProgress(report, "stopping the database", child.end());
    await run([docker, "rm", "--force", name]);
    if (throwaway) for (const left of [file, logFile]) await rm(left, { force: true });
  };
  try {
    const ready = publishedPort(docker, name, child.exited).then(async (port) => {
      const connection = { host: "127.0.0.1", port, user: "root", password };
      await untilReady(child, connection, START_LIMIT);
      return connection;
    });
    const connection = await withProgress(report, `starting ${engine}`, ready);
    return { engine, pid: undefined, connection, exited: child.exited, stop };
  } catch (error) {
    const log = await readFile(logFile, "utf8");
    await stop();
    throw new Error(`${engine}: ${(error as Error).message}. Its log ends with:\n${lastLines(log)}`);
  }
}

function passwordFile(dataFolder: string): string {
  return `${dataFolder}.docker-env`;
}

/** The root password of the container, kept as an env file so that it is on no command line. */
async function keepPassword(file: string): Promise<string> {
  if (!existsSync(file)) {
    const made = randomBytes(24).toString("hex");
    await writeFile(file, `MYSQL_ROOT_PASSWORD=${made}\n`, { mode: 0o600 });
  }
  const password = PASSWORD.exec(await readFile(file, "utf8"))?.[1];
  if (password === undefined) throw new Error(`${file} holds no MYSQL_ROOT_PASSWORD`);
  return password;
}

async function pullImage(docker: string, report: Report): Promise<void> {
  if ((await run([docker, "image", "inspect", IMAGE])).ok) return;
  const pull = run([docker, "pull", "--quiet", IMAGE], { timeout: 900_000 });
  const pulled = await withProgress(report, `fetching the Docker image ${IMAGE}`, pull);
  if (!pulled.ok) throw new Error(`docker pull ${IMAGE}:\n${lastLines(pulled.stderr)}`);
}

/** The port Docker chose on the loopback. @throws Error when the container ends first or 30 s pass. */
async function publishedPort(docker: string, name: string, exited: Promise<number>): Promise<number> {
  let ended = false;
  exited.then(() => {
    ended = true;
  });
  const until = performance.now() + 30_000;
  while (!ended && performance.now() < until) {
    const port = /:(\d+)\s*$/m.exec((await run([docker, "port", name, "3306/tcp"])).stdout)?.[1];
    if (port !== undefined) return Number(port);
    await Bun.sleep(100);
  }
  throw new Error("the container has no published port");
}
