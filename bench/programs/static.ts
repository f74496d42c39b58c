/** The machine's limit: the same bytes for everything, with no work behind them. */
const answer = process.env.ANSWER ?? "";
const headers = { "Content-Type": "application/json" };

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT),
  development: false,
  fetch: () => new Response(answer, { headers }),
});
