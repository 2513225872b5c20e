import { buildersRouter } from "./builders";
import { buildsRouter } from "./builds";
import { changesRouter } from "./changes";
import { configRouter } from "./config";
import { instancesRouter } from "./instances";
import { logsRouter } from "./logs";
import { membersRouter } from "./members";
import { organizationsRouter } from "./organizations";
import { poolsRouter } from "./pools";
import { projectsRouter } from "./projects";
import { repositoriesRouter } from "./repositories";
import { requestsRouter } from "./requests";
import { schedulersRouter } from "./schedulers";
import { searchRouter } from "./search";
import { secretsRouter } from "./secrets";
import { sessionsRouter } from "./sessions";
import { tokensRouter } from "./tokens";
import { router } from "./trpc";
import { welcomeRouter } from "./welcome";
import { workersRouter } from "./workers";

export const appRouter = router({
  builders: buildersRouter,
  builds: buildsRouter,
  changes: changesRouter,
  config: configRouter,
  instances: instancesRouter,
  logs: logsRouter,
  members: membersRouter,
  organizations: organizationsRouter,
  pools: poolsRouter,
  projects: projectsRouter,
  repositories: repositoriesRouter,
  requests: requestsRouter,
  schedulers: schedulersRouter,
  search: searchRouter,
  secrets: secretsRouter,
  sessions: sessionsRouter,
  tokens: tokensRouter,
  welcome: welcomeRouter,
  workers: workersRouter,
});

export type AppRouter = typeof appRouter;
