import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { bundleForWorkerd } from "../../../scripts/bundleForWorkerd.ts";
import { collect } from "../process.ts";
import { temporaryFolder } from "../temporaryFolder.ts";
import { until } from "../until.ts";

const ROOT = join(import.meta.dir, "..", "..", "..");

/** The real program: what npm's `workerd` would start is a script that starts this, and dies without it. */
const BINARY = join(
  ROOT,
  "node_modules/@cloudflare",
  `workerd-${process.platform}-${process.arch === "x64" ? "64" : process.arch}`,
  "bin/workerd",
);

/**
 * Ends the program with the pipe that is its input, and removes its folder ($0): when the test process is gone, however it
 * went, nothing is left. And ends itself with the program.
 */
const GUARD = 'exec 4<&0; "$@" & pid=$!; { cat <&4 > /dev/null; rm -rf "$0"; kill -9 $pid; } & wait $pid';

export interface RunningWorkerd {
  origin: string;
  /** What the service said, and with what workerd itself did. */
  stdout: () => string;
  output: () => string;
  /** Of workerd's own process. */
  pid: number;
  stop(): Promise<void>;
}

/** Bundles an entry and serves it. @param bindings text variables, as a deployment would have them */
export async function startWorkerd(
  entry: string,
  bindings: Record<string, string> = {},
  { http = "()" } = {},
): Promise<RunningWorkerd> {
  const { path: folder } = temporaryFolder("workerd");
  const { files } = await bundleForWorkerd(join(ROOT, entry), folder);
  await Bun.write(join(folder, "config.capnp"), capnp(files, bindings, http));
  const told = openSync(join(folder, "told"), "w");
  const command = [BINARY, "serve", "config.capnp", "--control-fd=3"];
  const child = Bun.spawn(["sh", "-c", GUARD, folder, ...command], {
    cwd: folder,
    stdio: ["pipe", "pipe", "pipe", told],
  });
  closeSync(told);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const output = () => stdout() + stderr();
  const control = Bun.file(join(folder, "told"));
  const port = await until(
    // Of one that did not start it is gone.
    async () => /"socket":"http","port":(\d+)/.exec(await control.text().catch(() => ""))?.[1],
    () => `workerd did not start: ${output()}`,
    child.exited,
  );
  const stop = async () => {
    child.stdin.end();
    await child.exited;
  };
  const children = Bun.spawnSync(["pgrep", "-P", String(child.pid), "workerd"]).stdout.toString();
  return { origin: `http://127.0.0.1:${port}`, stdout, output, pid: Number.parseInt(children, 10), stop };
}

const capnp = (
  files: string[],
  bindings: Record<string, string>,
  http: string,
) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = ${http}, service = "main")],
);
const main :Workerd.Worker = (
  modules = [
    ${files.map((name) => `(name = "${name}", ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed "${name}")`).join(", ")},
  ],
  compatibilityDate = "2026-04-01",
  compatibilityFlags = ["nodejs_compat"],
  bindings = [${Object.entries(bindings)
    .map(([name, value]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(value)})`)
    .join(", ")}],
);
`;
