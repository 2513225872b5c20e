/**
 * A pool in the organisation's document (K-030 to K-041): workers that are made as builds need them, all
 * from one template, which is a worker's options without what the pool decides itself.
 */
import { z } from "zod";
import { MOST_WORKERS, POOL_DEFAULTS } from "../domain/pools/options";
import { name, strict } from "./fields";

const seconds = (description: string) =>
  z
    .number("must be a number of seconds")
    .min(0, "must not be below 0")
    .max(31_536_000, "must be a year at most")
    .meta({ unit: "seconds", description });

const count = (least: number, most: number) =>
  z.number().int("must be a whole number").min(least).max(most);

export const poolLabel = name(50);

export const poolSchema = strict({
  /** With `-10000` behind it, it is still a worker's name. */
  name: z
    .string()
    .regex(
      /^(?!.*\p{C})[A-Za-z_\-\u{a0}-\u{10ffff}][A-Za-z0-9_\-\u{a0}-\u{10ffff}]{0,43}$/su,
      "is not a name of a pool: 1 to 44 letters, digits, - and _, not beginning with a digit",
    )
    .meta({ description: "Its workers are called NAME-1, NAME-2 and so on." }),
  worker: z.looseObject({ type: z.string() }).meta({
    description:
      "What its workers are made from: the options of a latent worker without name and password. Of type Worker: machines that others make join it with a token.",
  }),
  minIdle: count(0, MOST_WORKERS)
    .optional()
    .meta({
      description: `Machines that wait for the next build. Left out: ${POOL_DEFAULTS.minIdle}.`,
    }),
  maxWorkers: count(0, MOST_WORKERS)
    .optional()
    .meta({ description: `Never more machines than this. Left out: ${POOL_DEFAULTS.maxWorkers}.` }),
  maxBuildsPerWorker: count(1, 1_000).optional().meta({
    description:
      "Builds at a time on one machine, each of another builder. Left out: 1, so that each has a machine alone.",
  }),
  idleTimeout: seconds(
    "How long a machine is kept after its last build; 0: each build has a machine of its own. Left out: as is usual for its kind.",
  ).optional(),
  maxLifetime: seconds("So long after its login a machine takes builds. Left out: for ever.")
    .min(1, "must be at least 1")
    .optional(),
  maxBuildsPerInstance: count(1, 1_000_000)
    .optional()
    .meta({ description: "A machine is replaced after so many builds. Left out: never." }),
  scaleUpRate: count(1, 100_000).optional().meta({
    description: "Machines started within a minute at most. Left out: as many as are needed.",
  }),
  budget: strict({
    hours: z.number().positive("must be above 0").max(10_000_000),
    per: z.enum(["day", "month"]),
  })
    .optional()
    .meta({
      description:
        "Hours of machines in a day or a month (UTC). When they are used up none is started until the next; what runs goes on.",
    }),
  weights: z
    .record(
      z.string().min(1).max(100),
      z.number().min(0.001, "must be at least 0.001").max(1_000_000),
    )
    .optional()
    .meta({
      description:
        "Parts of projects that share the pool, by their names: while all of them wait, one of weight 2 gets twice as many places as one of weight 1, which is what others have. {} shares evenly. Left out: whoever waits longest comes first, whatever project it is of.",
    }),
  labels: z
    .array(poolLabel)
    .max(50)
    .optional()
    .meta({ description: "What builders may ask for instead of the pool's name." }),
});

export type PoolDocument = z.output<typeof poolSchema>;

/** Pools that a builder may use: those that it names, and those that have all labels it asks for. */
export function poolsOf<P extends { readonly name: string; readonly labels?: readonly string[] }>(
  builder: { readonly pools?: readonly string[]; readonly labels?: readonly string[] },
  pools: readonly P[],
): P[] {
  const [names, labels] = [listed(builder.pools), listed(builder.labels)];
  const named = names.flatMap((wanted) => pools.find(({ name: own }) => own === wanted) ?? []);
  const labelled =
    labels.length === 0
      ? []
      : pools.filter(({ labels: own }) => labels.every((label) => listed(own).includes(label)));
  return [...new Set([...named, ...labelled])];
}

/** Of a document that is wrong, what is no list is none. */
const listed = (value: readonly string[] | undefined): readonly string[] =>
  Array.isArray(value) ? value : [];
