import { defineConfig } from "drizzle-kit";

// `bunx drizzle-kit generate --name what_it_does` writes the next file; it is then reviewed and edited by hand.
export default defineConfig({ dialect: "mysql", schema: "./src/db/schema.ts", out: "./drizzle" });
