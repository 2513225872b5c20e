import { CONFIG, OUTBOX, openBus } from "../../../events/bus";
import { endAll, type MachineLeft, machinesLeft } from "../../../fleet";
import { parse } from "../args";
import { type Command, EXIT, UsageError } from "../io";
import { withLocal } from "../local";

const WAIT_SECONDS = 300;
/** The last word of a machine that went may be lost. */
const AGAIN_MS = 5_000;

export const machinesLetGo: Command = {
  words: ["machines", "let-go"],
  synopsis: "",
  summary: "let every machine of every latent worker go, for good, on the server's host",
  help: `For an installation that is to be taken down: a restart stops no machine, because the next process
takes them over. Builds on machines are tried again when the installation goes on. Slipway must run.
No machine is made any more until its next start, or \`slipway machines resume\`.

  --wait SECONDS   how long to wait for the machines to be gone; default ${WAIT_SECONDS}, 0: not at all

Exit status: 0 all are gone, ${EXIT.unfinished} some are left, which are named.`,
  async run(args, io) {
    const { values } = parse(args, { wait: { type: "string" } });
    const seconds = values.wait === undefined ? WAIT_SECONDS : Number(values.wait);
    if (!Number.isFinite(seconds) || seconds < 0) {
      throw new UsageError("--wait takes a number of seconds");
    }
    return withLocal(io, async ({ database, databaseUrl }) => {
      const bus = openBus(databaseUrl, () => {});
      try {
        let wake = () => {};
        await bus.listen(OUTBOX, () => wake());
        for (const orgId of await endAll(database, true)) {
          await database.rows("select pg_notify($1, $2)", [CONFIG, String(orgId)]);
        }
        const giveUpAt = performance.now() + seconds * 1_000;
        let left = await machinesLeft(database);
        while (left.length > 0 && performance.now() < giveUpAt) {
          const rest = Math.min(AGAIN_MS, giveUpAt - performance.now());
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, rest);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
          left = await machinesLeft(database);
        }
        if (left.length === 0) {
          io.out("no machine is left\n");
          return 0;
        }
        for (const machine of left) io.out(`${sentence(machine)}\n`);
        return EXIT.unfinished;
      } finally {
        await bus.close();
      }
    });
  },
};

export const machinesResume: Command = {
  words: ["machines", "resume"],
  synopsis: "",
  summary: "have machines made again after machines let-go, on the server's host",
  help: "A start of Slipway by npm start does the same.",
  async run(args, io) {
    parse(args, {});
    return withLocal(io, async ({ database }) => {
      for (const orgId of await endAll(database, false)) {
        await database.rows("select pg_notify($1, $2)", [CONFIG, String(orgId)]);
      }
      io.out("machines are made again\n");
      return 0;
    });
  },
};

const sentence = ({ key, state, error }: MachineLeft) =>
  `${key} is ${state}${error === null ? "" : `: ${error}`}`;
