"use client";

import { useCommands } from "../../_client/commands";
import type { LogActions } from "./log-toolbar";

/** Keys of the log, in the page's registry: listed by `?`, switched off with the others. */
export function useLogKeys(actions: LogActions, isFull: boolean): void {
  const group = "Log";
  useCommands([
    { id: "log.follow", label: "Follow the log", keys: "l", group, run: actions.follow },
    { id: "log.wrap", label: "Wrap long lines", keys: "w", group, run: actions.wrap },
    { id: "log.top", label: "Top of the log", keys: "g t", group, run: actions.top },
    { id: "log.end", label: "End of the log", keys: "g e", group, run: actions.end },
    { id: "log.full", label: "Log in full screen", keys: "z", group, run: actions.full },
    { id: "log.text", label: "Log as pages of text", keys: null, group, run: actions.text },
    {
      id: "log.link",
      label: "Copy link to the marked lines",
      keys: "y",
      group,
      run: actions.copyLink,
    },
    ...(isFull
      ? [{ id: "log.leave", label: "Leave full screen", keys: "Escape", group, run: actions.full }]
      : []),
  ]);
}
