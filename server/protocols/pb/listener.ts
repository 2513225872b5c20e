/** The door's port: every connection is a broker's. */
import type { Listening, ListenOptions, WorkerDoor } from "../contract";
import { openPort } from "../port";
import { attach } from "./attach";
import type { PbSettings } from "./settings";

export function listen(
  door: WorkerDoor,
  options: ListenOptions,
  settings: PbSettings,
): Promise<Listening> {
  const { loginTimeoutMs } = options;
  let lastCommandId = 0;
  const nextCommandId = () => String(++lastCommandId);
  return openPort(door, options, settings, (socket, newcomer) =>
    attach(socket, {
      ...{ door, settings, loginTimeoutMs, nextCommandId },
      ...newcomer,
    }),
  );
}
