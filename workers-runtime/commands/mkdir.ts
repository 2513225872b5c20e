import { mkdir as makeDirectory } from "node:fs/promises";
import { type Execute, pathOf } from "./context";
import { tellResult } from "./file-result";

/** Makes a directory and those above it; one that is there already is fine. */
export const mkdir: Execute<{ readonly dir: string }> = async ({ dir }, context) => {
  const path = pathOf(context, dir);
  await tellResult(context, "mkdir", path, async () => {
    await makeDirectory(path, { recursive: true });
  });
};
