/** What a worker's history is made of: a line for every change of how it stands. */

export const WORKER_EVENTS = {
  connected: "Connected",
  disconnected: "Connection lost",
  refused: "Refused at the door",
  paused: "Paused",
  unpaused: "Unpaused",
  draining: "Graceful shutdown asked for",
  killed: "Shutdown at once asked for",
  quarantined: "Put in quarantine",
  released: "Out of quarantine",
  missing: "Missing",
  back: "Back after it was missing",
  notified: "Mail sent",
  "not-notified": "No mail sent",
  "machine-wanted": "A machine is asked for",
  "machine-failed": "It got no machine",
  "machine-stopped": "Its machine is let go",
} as const;

export type WorkerEventKind = keyof typeof WORKER_EVENTS;

/** The words for a line; a kind of a newer process is shown by its own word. */
export function workerEventTitle(kind: string): string {
  const known: Readonly<Record<string, string>> = WORKER_EVENTS;
  return known[kind] ?? kind;
}
