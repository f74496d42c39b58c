import { Database } from "bun:sqlite";

// A lock lives as long as its connection: held here, so that no garbage collection lets go of one in use.
const held = new Set<Database>();

/** Another process has a server on the data directory. */
export class FolderInUse extends Error {}

/**
 * Takes a lock that the kernel releases when this process ends in whatever way: an exclusive SQLite transaction (a POSIX
 * record lock). Nothing else in the process may open the file, closing it would let go of the lock.
 * @returns the release. @throws FolderInUse when another process (or this one) holds it, after 0.25 s.
 */
export function takeLock(file: string, dataFolder: string): () => void {
  const lock = new Database(file, { create: true });
  try {
    lock.run("PRAGMA busy_timeout = 250");
    lock.run("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new FolderInUse(
      `another latchkey is using ${dataFolder}; stop it or set DATABASE_URL to share one database`,
    );
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    lock.close();
  };
}
