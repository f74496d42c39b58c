import { afterAll } from "bun:test";
import { stopTestServer } from "./support/database.ts";

// One throwaway server for a run; it starts when a test first asks for it.
afterAll(stopTestServer);
