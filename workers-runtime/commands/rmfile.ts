import { unlink } from "node:fs/promises";
import { type Execute, homePathOf } from "./context";
import { tellResult } from "./file-result";

export const rmfile: Execute<{ readonly path: string }> = async (args, context) => {
  const path = homePathOf(context, args.path);
  await tellResult(context, "rmfile", path, () => unlink(path));
};
