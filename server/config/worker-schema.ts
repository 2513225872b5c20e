/**
 * Workers of an organisation's document: those that others start, and those whose machines are made on
 * demand, each kind with its driver's own options behind those that all have.
 */
import { z } from "zod";
import { rangeOf } from "../domain/addresses";
import {
  LATENT_MISSING_SECONDS,
  MAX_LIFETIME_GRACE_SECONDS,
  MAX_LIFETIME_SECONDS,
} from "../domain/latent";
import { lockAccesses } from "../domain/locks";
import { type LatentWorkerType, latentWorkerOptions } from "../drivers/driver-schema";
import { mailAddress } from "../reporters/mail/schema";
import { secretName } from "../secrets/schema";
import { name, properties, strict } from "./fields";
import { secretOf } from "./references";

/** W-003: 50 characters, no dot, space or colon, no digit first. */
export const workerName = z
  .string()
  .regex(
    /^(?!.*\p{C})[A-Za-z_\-\u{a0}-\u{10ffff}][A-Za-z0-9_\-\u{a0}-\u{10ffff}]{0,49}$/su,
    "is not a worker name: 1 to 50 letters, digits, - and _, not beginning with a digit",
  )
  .refine((value) => !["debug", "change", "status"].includes(value), "is a reserved name");

/** What older exports hold in place of a password: keep the one that is there. */
const sealedReference = strict({
  sealed: z.string().regex(/^[0-9a-f]{16}$/, "is not a reference"),
});

const secretReference = strict({ type: z.literal("Secret"), name: secretName });

const password = z
  .union(
    [
      z
        .string()
        .min(1, "must not be empty")
        .max(200, "must have at most 200 characters")
        .refine((value) => !value.includes("%(") || secretOf(value) !== null, {
          message: "is written out, or is one secret and nothing else: %(secret:NAME)s",
        }),
      secretReference,
      sealedReference,
    ],
    { error: passwordProblem },
  )
  .meta({
    secret: true,
    description: "What the worker says at the door. Written out, it moves to the secret store.",
  });

function passwordProblem({ input }: { readonly input?: unknown }): string | undefined {
  if (input === undefined) return "is missing: write a password, or %(secret:NAME)s";
  if (input === null) return "null is only for workers that Slipway starts itself";
  return typeof input === "string" || typeof input === "object"
    ? undefined
    : "must be text (write numbers in quotes), or %(secret:NAME)s";
}

const SECONDS_OF_KEEPALIVE =
  "must be a whole number of seconds from 1 to 2000000, or null for none";

/** W-030. More seconds than a timer of ours can count make no sense of it. */
const keepaliveInterval = z
  .number()
  .int(SECONDS_OF_KEEPALIVE)
  .min(1, SECONDS_OF_KEEPALIVE)
  .max(2_000_000, SECONDS_OF_KEEPALIVE)
  .nullable()
  .meta({
    unit: "seconds",
    description: "How often the worker is sent something, so that a dead connection is noticed.",
  });

/** */
const allowedAddresses = z
  .array(
    z.string().refine((value) => rangeOf(value) !== null, {
      message: "is not an IP address, nor a range such as 10.0.0.0/8 or 2001:db8::/32",
    }),
  )
  .min(1, "must name an address or a range; leave the option out to allow all")
  .max(100, "must have at most 100 entries")
  .meta({ description: "Where the worker may connect from. Left out: from anywhere." });

const notifyOnMissing = z
  .union([mailAddress, z.array(mailAddress).max(100, "must have at most 100 addresses")], {
    error: "must be an e-mail address or a list of addresses",
  })
  .meta({ description: "Who gets a mail when the worker is missing." });

const SECONDS_OF_MISSING = "must be a number of seconds; 0: it never counts as missing";
const missingTimeout = z
  .number(SECONDS_OF_MISSING)
  .int(SECONDS_OF_MISSING)
  .min(0, SECONDS_OF_MISSING)
  .max(31_536_000, "must be a year at most")
  .meta({
    unit: "seconds",
    description: "How long it may be away until it counts as missing; left out: 3600.",
  });

const commonWorkerOptions = {
  name: workerName,
  notify_on_missing: notifyOnMissing.optional(),
  missing_timeout: missingTimeout.optional(),
  keepalive_interval: keepaliveInterval.optional(),
  max_builds: z.number().int().min(1).max(1_000_000).nullable().optional(),
  properties: properties.optional(),
  defaultProperties: properties.optional(),
  machine_name: name(50)
    .nullable()
    .optional()
    .meta({ description: "The machine it runs on: a property of its builds." }),
  locks: lockAccesses
    .optional()
    .meta({ description: "Locks that each build on this worker holds from its start to its end." }),
};

/** Absolute, or below the organisation's folder of local workers. */
const workerDirectory = z
  .string()
  .min(1)
  .max(500)
  .refine((value) => !/\p{C}/u.test(value), "must not have control characters")
  .refine(
    (value) => !value.split("/").some((part) => part === ".." || part === "."),
    "must not have . or .. in it",
  );

/** W-110: seconds, of which those below 0 mean for ever. */
const buildWaitTimeout = z
  .number("must be a number of seconds; 0: a fresh machine for each build, below 0: for ever")
  .max(31_536_000, "must be a year at most")
  .meta({
    unit: "seconds",
    description:
      "How long a machine is kept after its last build; 0: each build has a machine of its own, below 0: for ever. Left out: as is usual for its kind.",
  });

const checkInstanceInterval = z
  .number("must be a number of seconds")
  .min(1, "must be at least 1")
  .max(3_600, "must be at most 3600")
  .meta({
    unit: "seconds",
    description: "How often a machine is looked at that has not logged in yet. Left out: 10.",
  });

/** W-144: ours, not Buildbot's. */
const lifetimeOptions = {
  max_lifetime: z
    .number("must be a number of seconds, or null for no limit")
    .min(60, "must be at least 60")
    .max(31_536_000, "must be a year at most")
    .nullable()
    .optional()
    .meta({
      unit: "seconds",
      description: `How old a machine becomes: then it takes no new builds, and goes when those it has are over; null: no limit. Left out: ${MAX_LIFETIME_SECONDS}.`,
    }),
  max_lifetime_grace: z
    .number("must be a number of seconds, or null for ever")
    .min(0, "must not be below 0")
    .max(31_536_000, "must be a year at most")
    .nullable()
    .optional()
    .meta({
      unit: "seconds",
      description: `How long builds may go on after that before they are ended; null: for ever. Left out: ${MAX_LIFETIME_GRACE_SECONDS}.`,
    }),
  price_per_hour: z
    .number("must be a number")
    .min(0, "must not be below 0")
    .max(1_000_000, "must be at most 1000000")
    .optional()
    .meta({
      unit: "per hour",
      description:
        "What an hour of a machine costs, in the organisation's currency: for what is shown, and for limits on money.",
    }),
};

const commonLatentOptions = {
  ...commonWorkerOptions,
  missing_timeout: missingTimeout.optional().meta({
    unit: "seconds",
    description: `From the wish for a machine to its login; 0: no limit. Left out: ${LATENT_MISSING_SECONDS}.`,
  }),
  password: password
    .nullish()
    .meta({ secret: true, description: "Left out, or null: another one for each machine." }),
  allowed_addresses: allowedAddresses.optional(),
  build_wait_timeout: buildWaitTimeout.optional(),
  check_instance_interval: checkInstanceInterval.optional(),
  max_preparation_failures: z
    .number("must be a whole number; 0: no limit")
    .int("must be a whole number; 0: no limit")
    .min(0, "must be a whole number; 0: no limit")
    .max(1_000, "must be at most 1000; 0: no limit")
    .optional()
    .meta({
      description:
        "After so many machines that came to nothing a request ends in EXCEPTION; 0: never. Left out: 10.",
    }),
  ...lifetimeOptions,
  followStartupLogs: z
    .boolean()
    .optional()
    .meta({ description: "Whether a build that waits shows what its machine says as it starts." }),
};

const latentSchemas = Object.fromEntries(
  Object.entries(latentWorkerOptions).map(([type, options]) => [
    type,
    strict({ type: z.literal(type), ...commonLatentOptions, ...options }),
  ]),
) as {
  [T in LatentWorkerType]: ReturnType<
    typeof strict<
      { type: z.ZodLiteral<T> } & typeof commonLatentOptions & (typeof latentWorkerOptions)[T]
    >
  >;
};

export const workerSchemas = {
  Worker: strict({
    type: z.literal("Worker"),
    ...commonWorkerOptions,
    password,
    allowed_addresses: allowedAddresses.optional(),
  }),
  LocalWorker: strict({
    type: z.literal("LocalWorker"),
    ...commonWorkerOptions,
    workdir: workerDirectory.optional(),
    password: password.nullish(),
  }),
  ...latentSchemas,
} as const;

export const WORKER_TYPES_LATER = [
  "DockerSwarmLatentWorker",
  "KubeLatentWorker",
  "EC2LatentWorker",
  "OpenStackLatentWorker",
  "MarathonLatentWorker",
  "UpcloudLatentWorker",
  "HyperLatentWorker",
];

export type WorkerOptions = {
  [T in keyof typeof workerSchemas]: z.output<(typeof workerSchemas)[T]>;
}[keyof typeof workerSchemas];
