import { stat as statFile } from "node:fs/promises";
import { type Execute, pathOf } from "./context";
import { tellResult } from "./file-result";

/** The ten numbers in Python's order; times in whole seconds. */
export const stat: Execute<{ readonly file: string; readonly workdir?: string }> = async (
  { file, workdir },
  context,
) => {
  const path = pathOf(context, workdir ?? "", file);
  await tellResult(context, "stat", path, async () => {
    const told = await statFile(path);
    const { mode, ino, dev, nlink, uid, gid, size } = told;
    const times = [told.atimeMs, told.mtimeMs, told.ctimeMs].map((ms) => Math.floor(ms / 1000));
    const value = [mode, ino, dev, nlink, uid, gid, size, ...times];
    context.batch.value({ key: "stat", value });
  });
};
