/**
 * Slipway as `npm start` runs it, with its embedded PostgreSQL on the disk. The end of a build is
 * learnt as reporters learn it: LISTEN on the bus, then a look at the rows.
 */
import pg from "pg";
import { OUTBOX } from "../../server/events/bus";
import { mergeCalls } from "../../server/events/merge-calls";
import { startSlipway } from "../support/slipway-instance";
import { collectGarbage } from "./collect-garbage";
import { PASSWORD, type Peer, type Plan, withChildren } from "./peer";
import { openRest, overRest, Told } from "./rest";

/** With so many waited for, one look in this time is enough. */
const LOOK_MS = 50;
const FEW = 8;

export function slipwayConfig({ workers, builders }: Plan): object {
  return {
    workers: workers.map(({ name, maxBuilds }) => ({
      type: "Worker",
      name,
      password: PASSWORD,
      max_builds: maxBuilds,
    })),
    projects: {
      bench: {
        builders: builders.map((builder) => ({
          name: builder.name,
          workernames: builder.workers,
          factory: [{ type: "ShellCommand", command: builder.command, logEnviron: false }],
        })),
      },
    },
  };
}

export interface SlipwayPeer extends Peer {
  /** One build of each of these builders, by one call of this force scheduler. */
  triggerAll(scheduler: string, builders: readonly string[]): Promise<void>;
}

export async function startSlipwayPeer(
  plan: Plan,
  config: object = slipwayConfig(plan),
): Promise<SlipwayPeer> {
  const slipway = await startSlipway({ isBuilt: true, config });
  const rest = openRest(`${slipway.url}/main`, { authorization: `Bearer ${slipway.token}` });
  const told = new Told();
  const client = new pg.Client({ connectionString: slipway.databaseUrl });
  await client.connect();
  await client.query(`listen ${OUTBOX}`);
  let isStopped = false;
  const look = mergeCalls(
    async () => {
      if (isStopped || told.waiting.length === 0) return;
      const { rows } = await client.query(
        "select id from build_request where id = any($1) and state in ('done', 'cancelled')",
        [told.waiting],
      );
      for (const { id } of rows) told.tell(Number(id));
      if (told.waiting.length > FEW) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    },
    (error) => {
      throw error;
    },
  );
  client.on("notification", () => void look());
  return {
    name: "slipway",
    workerPorts: { pb: slipway.pbPort, msgpack: slipway.msgpackPort },
    ...overRest(rest),
    async triggerAll(scheduler, builderNames) {
      const username = "Bench <bench@example.org>";
      const form = { builderNames, username, reason: "bench" };
      await rest.call(`/forceschedulers/${scheduler}`, "force", form);
    },
    finished(id) {
      const done = told.finished(id);
      // It may have been told before anybody waited.
      void look();
      return done;
    },
    processes() {
      const { supervisor, web, socket, jobs, postgres } = slipway.pids();
      const one = (pid: number | undefined) => (pid === undefined ? [] : [pid]);
      return {
        supervisor: one(supervisor),
        web: one(web),
        socket: one(socket),
        jobs: one(jobs),
        postgres: postgres === undefined ? [] : withChildren(postgres),
      };
    },
    async collectGarbage() {
      const { socket } = slipway.pids();
      if (socket !== undefined) await collectGarbage(socket);
    },
    async stop() {
      isStopped = true;
      rest.close();
      await look();
      await client.end();
      await slipway.stop();
    },
  };
}
