/** The patch of a source stamp, put on what was checked out. */

import type { SourceStamp, StepContext } from "../contract";
import { PATCHED } from "./checkout";
import { fromMemory } from "./from-memory";
import { GitFailed, type GitRunner } from "./runner";

const DIFF = ".buildbot-diff";
const BLOCK_BYTES = 65_536;

/** @throws StepOver, GitFailed */
export async function applyPatch(
  runner: GitRunner,
  context: StepContext,
  workdir: string,
  patch: NonNullable<SourceStamp["patch"]>,
): Promise<void> {
  const write = async (workerdest: string, content: string) => {
    const end = await context.command({
      name: "downloadFile",
      args: { workdir, workerdest, maxsize: null, blocksize: BLOCK_BYTES, mode: null },
      reader: fromMemory(content),
    });
    if (runner.rcOf(end) !== 0) throw new GitFailed(`cannot write ${workerdest}`);
  };
  // The mark first: a patch that fits in part leaves something behind, too.
  await write(PATCHED, "patched\n");
  await write(DIFF, patch.body);
  await runner.git(
    workdir,
    "apply",
    "--index",
    `-p${patch.level}`,
    ...(patch.subdir && patch.subdir !== "." ? [`--directory=${patch.subdir}`] : []),
    DIFF,
  );
  await context.command({ name: "rmfile", args: { path: `${workdir}/${DIFF}` } });
}
