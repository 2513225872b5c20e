/** A process that looks at the repository REPOURL once, with its copy in DIRECTORY. */
import { gitPoller } from "../../server/change-sources/git-poller/poller";
import { gitPollerSchema } from "../../server/change-sources/git-poller/schema";

const { REPOURL = "", DIRECTORY = "" } = process.env;
const options = gitPollerSchema.parse({ type: "GitPoller", repourl: REPOURL });
await gitPoller(options).poll({
  cursor: {},
  directory: DIRECTORY,
  secrets: new Map(),
  isHosted: false,
  now: Date.now,
  stop: new AbortController().signal,
});
