/**
 * `rmdir` and `cpdir`: whole trees, by the system's own programs, which are faster at it than we are
 * and print what they do (protocol §4.1).
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { TreeArgs } from "../../server/domain/wire";
import { type CommandContext, type Execute, pathOf } from "./context";
import { runShell } from "./shell";

const DEFAULT_TIMEOUT_SECONDS = 120;

/** Removes each directory; one that resists is made writable and tried once more. */
export const rmdir: Execute<{ readonly dir: string | readonly string[] } & TreeArgs> = async (
  args,
  context,
) => {
  let rc = 0;
  for (const dir of [args.dir].flat()) {
    const path = pathOf(context, dir);
    let own = await run(["rm", "-rf", path], args, context);
    if (own !== 0 && !context.stop.aborted) {
      await run(["chmod", "-Rf", "u+rwx", path], args, context);
      if (!context.stop.aborted) own = await run(["rm", "-rf", path], args, context);
    }
    if (own !== 0) rc = own;
    if (context.stop.aborted) break;
  }
  context.batch.value({ key: "rc", value: rc });
};

/** Copies a directory with links, modes and times. */
export const cpdir: Execute<
  { readonly fromdir: string; readonly todir: string } & TreeArgs
> = async (args, context) => {
  const [from, to] = [pathOf(context, args.fromdir), pathOf(context, args.todir)];
  await mkdir(dirname(to), { recursive: true });
  const rc = await run(["cp", "-R", "-P", "-p", "-v", from, to], args, context);
  context.batch.value({ key: "rc", value: rc });
};

async function run(
  command: readonly string[],
  { timeout, maxTime, logEnviron }: TreeArgs,
  context: CommandContext,
): Promise<number> {
  const rc = await runShell(
    {
      command,
      workdir: context.builderDir,
      timeout: timeout === undefined ? DEFAULT_TIMEOUT_SECONDS : timeout,
      maxTime: maxTime ?? null,
      logEnviron: logEnviron ?? true,
    },
    context,
  );
  if (rc === null) throw new Error("the process could not be killed");
  return rc;
}
