/** FileExists: fails unless a regular file is there. */
import type { z } from "zod";
import { FAILURE, SUCCESS } from "../../domain/builds";
import { unusual } from "../command-result";
import type { StepKind } from "../contract";
import { texts } from "../options";
import { fileExistsSchema } from "./schema";

const FILE_TYPE = 0o170000;
const REGULAR = 0o100000;

export const fileExists: StepKind<z.output<typeof fileExistsSchema>> = {
  type: "FileExists",
  name: "FileExists",
  schema: fileExistsSchema,
  make(options, shown) {
    const { running, done } = texts(shown, "checking file", "file found");
    return {
      doStepIf: options.doStepIf,
      description: running,
      async run(context) {
        const command = { name: "stat", args: { file: options.file } } as const;
        const { end, kept } = await context.keep(command);
        const early = unusual(end, running, context);
        if (early) return early;
        const isThere = end.kind === "completed" && end.rc === 0;
        const isFile = isThere && ((kept.stat?.[0] ?? 0) & FILE_TYPE) === REGULAR;
        if (isFile) return { result: SUCCESS, summary: done };
        return { result: FAILURE, summary: isThere ? "not a file" : "file not found" };
      },
    };
  },
};
