# The bundle of `bun run build:edge` on a workerd of your own: see edge.md. Secrets come from its environment.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "latchkey", worker = .latchkey),
    # For the database. "local" is the loopback, "private" a network of yours.
    (name = "internet", network = (allow = ["local", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:5000", http = (), service = "latchkey")],
);

const latchkey :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "../dist/edge/worker.js"),
    (name = "argon2.wasm", wasm = embed "../dist/edge/argon2.wasm"),
  ],
  compatibilityDate = "2026-04-01",
  compatibilityFlags = ["nodejs_compat"],
  bindings = [
    (name = "NODE_ENV", text = "production"),
    (name = "JWT_SECRET_KEY", fromEnvironment = "JWT_SECRET_KEY"),
    (name = "DATABASE_URL", fromEnvironment = "DATABASE_URL"),
    (name = "TZ", text = "UTC"),
  ],
);
