/** GitPoller (CORE §9). Option names and defaults are Buildbot's own. */
import { z } from "zod";
import { readRepositoryUrl } from "../../domain/git";
import { compileGlob } from "../../domain/patterns";

const text = z
  .string()
  .max(10_000)
  .refine((value) => !value.includes("\0"), "must not contain a null byte");
const seconds = z.number().min(0).max(31_536_000);

/** Text that is kept in the secret store, or the name it has there. */
const secret = z
  .union(
    [
      z.string().min(1).max(100_000),
      z.strictObject({ type: z.literal("Secret"), name: text.min(1) }),
    ],
    { error: "must be text, or {type: Secret, name: …}" },
  )
  .meta({ secret: true });

const repourl = z.string().superRefine((value, context) => {
  const url = readRepositoryUrl(value);
  if (typeof url === "string") context.addIssue({ code: "custom", message: url });
});

/** Git's own rules for names, with `*` and its like for globs. */
const branch = z
  .string()
  .min(1)
  .max(500)
  .refine((value) => !/[\p{C} ~^:\\]|\.\.|@\{|^[-/]|\/$|\.lock$/u.test(value), {
    message: "is not the name of a branch",
  })
  .superRefine((value, context) => {
    try {
      compileGlob(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  });

const branches = z.union([branch, z.literal(true), z.array(branch).min(1).max(1_000)], {
  error: "must be a list of branches, true for all, or a glob (release/*)",
});

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label) !== null;
  } catch {
    return false;
  }
}

export const gitPollerSchema = z
  .strictObject({
    type: z.literal("GitPoller"),
    name: text.min(1).max(300).optional(),
    repourl,
    branches: branches.optional(),
    /** Buildbot's older way to name one. */
    branch: branch.optional(),
    only_tags: z.boolean().default(false),
    pollInterval: z.number().min(1, "must be at least 1 second").max(31_536_000).default(600),
    pollRandomDelayMin: seconds.default(0),
    pollRandomDelayMax: seconds.default(0),
    pollAtLaunch: z.boolean().default(false),
    buildPushesWithNoCommits: z.boolean().default(false),
    category: text.max(500).nullable().default(null),
    project: text.max(500).default(""),
    codebase: text.max(200).optional(),
    usetimestamps: z.boolean().default(true),
    encoding: z
      .string()
      .max(40)
      .refine(isEncoding, "is not an encoding that we know")
      .default("utf-8"),
    sshPrivateKey: secret.optional(),
    sshHostKey: secret.optional(),
    sshKnownHosts: secret.optional(),
    auth_credentials: z
      .union([z.tuple([secret, secret]), z.strictObject({ username: secret, password: secret })], {
        error: "must be [user, password] or {username: …, password: …}",
      })
      .optional(),
    /** Older spellings, read as the newer or without effect here. */
    pollinterval: z.number().min(1).max(31_536_000).optional(),
    workdir: text.optional(),
    gitbin: text.optional(),
  })
  .superRefine((options, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (options.branch !== undefined && options.branches !== undefined) {
      refuse("branch", "give branch or branches, not both");
    }
    if (options.only_tags && (options.branch ?? options.branches) !== undefined) {
      refuse("only_tags", "follows all tags: leave branches out");
    }
    if (options.sshHostKey !== undefined && options.sshKnownHosts !== undefined) {
      refuse("sshKnownHosts", "give sshHostKey or sshKnownHosts, not both");
    }
    if (options.pollRandomDelayMin > options.pollRandomDelayMax) {
      refuse("pollRandomDelayMin", "must not be greater than pollRandomDelayMax");
    }
    const interval = options.pollinterval ?? options.pollInterval;
    if (options.pollRandomDelayMax >= interval && options.pollRandomDelayMax > 0) {
      refuse("pollRandomDelayMax", "must be less than pollInterval");
    }
  });

export type GitPollerOptions = z.output<typeof gitPollerSchema>;
