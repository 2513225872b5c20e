import { readdir } from "node:fs/promises";
import { type Execute, pathOf } from "./context";
import { tellResult } from "./file-result";

export const listdir: Execute<{ readonly dir: string }> = async ({ dir }, context) => {
  const path = pathOf(context, dir);
  await tellResult(context, "listdir", path, async () => {
    context.batch.value({ key: "files", value: await readdir(path) });
  });
};
