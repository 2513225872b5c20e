/** How commands on files tell their result: 0, or the system's number for what went wrong. */
import { getSystemErrorMap } from "node:util";
import type { CommandContext } from "./context";

/** Does `work`; a refusal of the system becomes a header line and its number. */
export async function tellResult(
  context: CommandContext,
  command: string,
  path: string,
  work: () => Promise<unknown>,
): Promise<void> {
  const rc = await attempt(context, command, path, work);
  context.batch.value({ key: "rc", value: rc });
}

/** Does `work` and resolves with what its `rc` would be; a refusal has become a header line. */
export async function attempt(
  context: CommandContext,
  command: string,
  path: string,
  work: () => Promise<unknown>,
): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    const { errno, words } = systemError(error);
    context.batch.text("header", `${command}: ${words}: ${path}\n`);
    return errno;
  }
}

/** The (positive) number of a system's error and what it says; rethrows anything else. */
export function systemError(error: unknown): { readonly errno: number; readonly words: string } {
  const { errno, code } = error as NodeJS.ErrnoException;
  if (typeof errno !== "number") throw error;
  const words = getSystemErrorMap().get(errno)?.[1] ?? code ?? "error";
  return { errno: Math.abs(errno), words };
}
