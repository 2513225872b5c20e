/** Process groups of running commands, so that none outlives the worker. */
import { Guardian } from "./guardian";
import { signalGroup } from "./kill-ladder";

const running = new Set<number>();
const guardian = new Guardian(running);

export function enterGroup(group: number): void {
  running.add(group);
  guardian.entered(group);
}

export function leaveGroup(group: number): void {
  running.delete(group);
  guardian.left(group);
}

/** For the end of the worker's process: nothing is waited for. */
export function killAllGroups(): void {
  for (const group of running) signalGroup(group, "SIGKILL");
}
