/** The registry: one line per kind. */
import { changeSourceSchema } from "./change-source-schema";
import type { MakeChangeSource } from "./contract";
import { gitPoller } from "./git-poller/poller";

export const makeChangeSource: MakeChangeSource = ({ name, kind, config }) => {
  const options = changeSourceSchema.parse({ ...(config as object), type: kind, name });
  switch (options.type) {
    case "GitPoller":
      return gitPoller(options);
  }
};
