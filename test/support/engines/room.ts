/** The tests' pools stay open to the end of a run, and what is free in them for a minute. */
export const ROOM = ["--max-connections=1000"];
