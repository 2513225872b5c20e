/** Every kind of change source a configuration may name. */
import { z } from "zod";
import { gitPollerSchema } from "./git-poller/schema";

export const changeSourceSchema = z.discriminatedUnion("type", [gitPollerSchema]);

export type ChangeSourceOptions = z.output<typeof changeSourceSchema>;

/** Buildbot's, so that one we do not have is not taken for a slip of the pen. */
export const CHANGE_SOURCE_TYPES_LATER = [
  ...["GitHubPullrequestPoller", "BitbucketPullrequestPoller", "HgPoller", "SVNPoller", "P4Source"],
  ...[
    "BzrPoller",
    "GerritChangeSource",
    "GerritEventLogPoller",
    "PBChangeSource",
    "CVSMaildirSource",
  ],
  ...["SVNCommitEmailMaildirSource", "BzrLaunchpadEmailMaildirSource"],
];

/** How a source is called on screens and in its row. */
export function changeSourceName(source: Readonly<Record<string, unknown>>): string {
  return String(source.name ?? source.repourl ?? "");
}
