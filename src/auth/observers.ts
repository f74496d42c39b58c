/** What the gate before password hashing tells whoever counts; it knows nothing of how. */
export interface GateObserver {
  /** A hash begins after it has waited that long, in seconds. */
  onWait(seconds: number): void;
  /** One was refused, for too many wait already. */
  onRefusal(): void;
}

/** How full the gate is: hashes being worked on, and hashes that wait for their turn. */
export interface GateDepth {
  running: number;
  waiting: number;
}

/** What attempts are counted by before they are refused with `too_many_attempts`. */
export type ThrottleKind = "login_account" | "login_client" | "registration";
