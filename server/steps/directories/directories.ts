/** MakeDirectory, RemoveDirectory and CopyDirectory: paths are below the builder's directory. */
import type { z } from "zod";
import type { Command } from "../../domain/wire";
import { outcomeOf } from "../command-result";
import type { Step, StepKind } from "../contract";
import { texts } from "../options";
import type { CommonStepOptions } from "../schema";
import { copyDirectorySchema, makeDirectorySchema, removeDirectorySchema } from "./schema";

export const makeDirectory: StepKind<z.output<typeof makeDirectorySchema>> = {
  type: "MakeDirectory",
  name: "MakeDirectory",
  schema: makeDirectorySchema,
  make: (options, shown) =>
    oneCommand(shown, "making directory", "made directory", {
      name: "mkdir",
      args: { dir: options.dir },
    }),
};

export const removeDirectory: StepKind<z.output<typeof removeDirectorySchema>> = {
  type: "RemoveDirectory",
  name: "RemoveDirectory",
  schema: removeDirectorySchema,
  make: (options, shown) =>
    oneCommand(shown, "deleting", "deleted", { name: "rmdir", args: { dir: options.dir } }),
};

export const copyDirectory: StepKind<z.output<typeof copyDirectorySchema>> = {
  type: "CopyDirectory",
  name: "CopyDirectory",
  schema: copyDirectorySchema,
  make: (options, shown) =>
    oneCommand(
      shown,
      `copying ${shown.src} to ${shown.dest}`,
      `copied ${shown.src} to ${shown.dest}`,
      {
        name: "cpdir",
        args: {
          fromdir: options.src,
          todir: options.dest,
          timeout: options.timeout,
          maxTime: options.maxTime,
        },
      },
    ),
};

function oneCommand(shown: CommonStepOptions, doing: string, did: string, command: Command): Step {
  const { running, done } = texts(shown, doing, did);
  return {
    doStepIf: shown.doStepIf,
    description: running,
    run: async (context) => outcomeOf(await context.command(command), done, context),
  };
}
