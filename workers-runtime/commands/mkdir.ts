import { mkdir as makeDirectory } from "node:fs/promises";
import { type Execute, pathOf } from "./context";
import { attempt } from "./file-result";

/** Makes directories and those above them until one fails; one that is there already is fine. */
export const mkdir: Execute<{ readonly dir: string | readonly string[] }> = async (
  { dir },
  context,
) => {
  let rc = 0;
  for (const each of [dir].flat()) {
    const path = pathOf(context, each);
    rc = await attempt(context, "mkdir", path, () => makeDirectory(path, { recursive: true }));
    if (rc !== 0) break;
  }
  context.batch.value({ key: "rc", value: rc });
};
