# The program, from the production dependencies of the lockfile. None of them has an install script, and none would be run.
FROM oven/bun:1.4.5-slim AS build
WORKDIR /home/bun/app
# Behind a proxy that inspects TLS, put its authority beside this file as build-ca.crt; it stays in this stage.
COPY package.json bun.lock build-ca.cr[t] ./
RUN if [ -f build-ca.crt ]; then export NODE_EXTRA_CA_CERTS=$PWD/build-ca.crt; fi; \
  bun install --frozen-lockfile --production --omit peer --ignore-scripts
COPY scripts scripts
COPY drizzle drizzle
COPY src src
RUN bun run build

FROM oven/bun:1.4.5-slim
WORKDIR /home/bun/app
# BUN_JSC_forceRAMSize, in bytes: on a machine of 16 GB or more the heap would be let grow to three times of what is in use
# instead of twice.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=5000 DRAIN_SECONDS=5 BUN_JSC_forceRAMSize=1073741824
# Owned by root and read only for the user that runs it: the program, and a package.json for `bun run user` and the like.
COPY --from=build /home/bun/app/dist ./
USER bun
EXPOSE 5000
# Is the process alive? Not whether the database is: restarting this container would not mend that (see /readyz).
# A proxy in the environment is not for the loopback.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["bun", "-e", "process.env.no_proxy = '*'; process.exit((await fetch(`http://127.0.0.1:${process.env.PORT || 5000}/livez`)).ok ? 0 : 1)"]
# On SIGTERM it drains and exits with 0.
CMD ["./latchkey"]
