import { parse } from "../args";
import type { Command } from "../io";
import { remote } from "../remote";
import { table } from "../table";

interface Limit {
  readonly reason: string;
}

interface Pool {
  readonly poolid: number;
  readonly name: string;
  readonly kind: string;
  readonly queue: number;
  readonly desired: number;
  readonly size: number;
  readonly busy: number;
  readonly max_workers: number;
  readonly limits: readonly Limit[];
}

const FIELDS = "poolid name kind queue desired size busy max_workers limits";

export const pools: Command = {
  words: ["pools"],
  synopsis: "[POOL]",
  summary: "list the pools, or the machines of one",
  help: `POOL is a name or an id. The last column says why a pool is not larger.

  --json   as the API gives them`,
  async run(args, io) {
    const { values, positionals } = parse(
      args,
      { json: { type: "boolean", default: false } } as const,
      { names: ["POOL"], optional: 1 },
    );
    const [one] = positionals;
    if (one !== undefined) return machinesOf(one, values.json, io);
    const fields = FIELDS.split(" ").map((field) => `field=${field}`);
    const query = values.json ? "" : `&${fields.join("&")}`;
    const { pools: rows } = await remote(io).get<{ pools: Pool[] }>(
      `/pools?active=true&order=name${query}`,
    );
    if (values.json) io.out(`${JSON.stringify(rows)}\n`);
    else {
      io.out(
        table(
          ["ID", "NAME", "KIND", "WAITING", "DESIRED", "MACHINES", "BUSY", "AT MOST", "BECAUSE IT"],
          rows.map((row) => [
            ...[row.poolid, row.name, row.kind, row.queue, row.desired, row.size, row.busy],
            ...[row.max_workers, row.limits[0]?.reason],
          ]),
        ),
      );
    }
    return 0;
  },
};

interface Machine {
  readonly worker: string;
  readonly key: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly since: number | null;
}

async function machinesOf(pool: string, isJson: boolean, io: Parameters<Command["run"]>[1]) {
  const { pools: found } = await remote(io).get<{ pools: { machines: Machine[] }[] }>(
    `/pools/${encodeURIComponent(pool)}`,
  );
  if (isJson) {
    io.out(`${JSON.stringify(found[0])}\n`);
    return 0;
  }
  io.out(
    table(
      ["WORKER", "STATE", "SINCE", "MACHINE", "BECAUSE"],
      (found[0]?.machines ?? []).map(({ worker, state, since, key, reason }) => [
        ...[worker, state, since === null ? null : new Date(since * 1000).toISOString()],
        ...[key, reason],
      ]),
    ),
  );
  return 0;
}
