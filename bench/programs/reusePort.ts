/** Loaded before the service, from source, lets several of them share a port: what is measured is whether that would pay. */
const { serve } = Bun;
Bun.serve = ((options: Parameters<typeof serve>[0]) =>
  serve(Object.assign(options, { reusePort: true }))) as typeof serve;
