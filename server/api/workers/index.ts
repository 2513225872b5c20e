import { allowed, member, router } from "../trpc";
import { addLocalWorker, addWorker, addWorkerInput, newPassword, newPasswordInput } from "./add";
import { buildersOfWorker } from "./builders";
import { busyDays, busyInput } from "./busy";
import { checkName, checkNameInput } from "./check-name";
import { comingsInput, refusalsOf, sessionsOf } from "./comings";
import { connection, connectionInput } from "./connection";
import { actInput, actOnWorkers, controlMany } from "./control";
import { doorsOf, probeDoors } from "./doors";
import { askInput, cancelTest, driverTest, testInput, testWorker } from "./driver-test";
import { environOf } from "./environ";
import { fleetFilter } from "./fleet";
import { historyInput, workerHistory } from "./history";
import { listWorkers, matchingWorkers, workersInput } from "./list";
import { lossesInput, workerLosses } from "./losses";
import { oneWorker, workerInput } from "./one";
import { saveWorker } from "./save";
import { entryInput, previewWorker, workerKinds, workerSettings } from "./settings";
import { strangersAtTheDoor, strangersInput } from "./strangers";
import { unknownNames } from "./unknown-names";
import { waitingForWorker } from "./waiting";

export const workersRouter = router({
  list: member.input(workersInput).query(({ ctx, input }) => listWorkers(ctx.org, input)),
  matching: member.input(fleetFilter).query(({ ctx, input }) => matchingWorkers(ctx.org, input)),
  busy: member.input(busyInput).query(({ ctx, input }) => busyDays(ctx.org, input)),
  one: member.input(workerInput).query(({ ctx, input }) => oneWorker(ctx.org, input)),
  builders: member.input(workerInput).query(({ ctx, input }) => buildersOfWorker(ctx.org, input)),
  waiting: member.input(workerInput).query(({ ctx, input }) => waitingForWorker(ctx.org, input)),
  sessions: member.input(comingsInput).query(({ ctx, input }) => sessionsOf(ctx.org, input)),
  refusals: member.input(comingsInput).query(({ ctx, input }) => refusalsOf(ctx.org, input)),
  environ: allowed("workers")
    .input(workerInput)
    .query(({ ctx, input }) => environOf(ctx.org, input)),
  connection: member
    .input(connectionInput)
    .query(({ ctx, input }) => connection(ctx, ctx.org, input)),
  doors: allowed("config").query(({ ctx }) => doorsOf(ctx)),
  probe: allowed("config").mutation(({ ctx }) => probeDoors(ctx)),
  unknownNames: allowed("config").query(({ ctx }) => unknownNames(ctx.org)),
  strangers: allowed("config")
    .input(strangersInput)
    .query(({ ctx, input }) => strangersAtTheDoor(ctx.org, input)),
  add: allowed("config")
    .input(addWorkerInput)
    .mutation(({ ctx, input }) => addWorker(ctx, ctx.org, input)),
  checkName: allowed("config")
    .input(checkNameInput)
    .query(({ ctx, input }) => checkName(ctx.org, input)),
  addLocal: allowed("config").mutation(({ ctx }) => addLocalWorker(ctx, ctx.org)),
  newPassword: allowed("config")
    .input(newPasswordInput)
    .mutation(({ ctx, input }) => newPassword(ctx, ctx.org, input)),
  kinds: allowed("config").query(({ ctx }) => workerKinds(ctx.org)),
  settings: allowed("config")
    .input(workerInput)
    .query(({ ctx, input }) => workerSettings(ctx.org, input)),
  preview: allowed("config")
    .input(entryInput)
    .mutation(({ ctx, input }) => previewWorker(ctx, ctx.org, input)),
  save: allowed("config")
    .input(entryInput)
    .mutation(({ ctx, input }) => saveWorker(ctx, ctx.org, input)),
  test: allowed("config")
    .input(askInput)
    .mutation(({ ctx, input }) => testWorker(ctx, ctx.org, input)),
  testOf: allowed("config")
    .input(testInput)
    .query(({ ctx, input }) => driverTest(ctx.org, input)),
  cancelTest: allowed("config")
    .input(testInput)
    .mutation(({ ctx, input }) => cancelTest(ctx, ctx.org, input)),
  history: member.input(historyInput).query(({ ctx, input }) => workerHistory(ctx.org, input)),
  losses: member.input(lossesInput).query(({ ctx, input }) => workerLosses(ctx.org, input)),
  controlMany: allowed("workers")
    .input(actInput)
    .mutation(({ ctx, input }) => controlMany(ctx, ctx.org, input)),
  act: allowed("workers")
    .input(actInput)
    .mutation(({ ctx, input }) => actOnWorkers(ctx, ctx.org, input)),
});
