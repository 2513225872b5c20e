/** Git (CORE §5.4). Option names and defaults are Buildbot's own. */
import { z } from "zod";
import { readRepositoryUrl } from "../../domain/git";
import { isTemplate } from "../../domain/properties";
import { commonStepOptions, text } from "../schema";
import { environment, seconds } from "../shell/schema";

/** Given to git as an argument: must not be taken for an option. */
const argument = text
  .min(1)
  .regex(
    /^[^-\s\p{C}][^\p{C}]*$/u,
    "must not begin with a dash or a space, nor hold control characters",
  );

const repourl = z.string().superRefine((value, context) => {
  const url = readRepositoryUrl(value);
  if (typeof url === "string") context.addIssue({ code: "custom", message: url });
});

const secret = text.min(1).meta({ secret: true });

/** How `git describe` is called: a flag, or a value behind it. */
const describeOptions = z.strictObject({
  ...Object.fromEntries(
    ["all", "always", "contains", "debug", "exact-match", "first-parent", "long", "tags"].map(
      (key) => [key, z.boolean().optional()],
    ),
  ),
  match: argument.optional(),
  exclude: argument.optional(),
  abbrev: z.number().int().min(0).optional(),
  candidates: z.number().int().min(0).optional(),
  dirty: z.union([z.boolean(), argument]).optional(),
});

export const gitSchema = z
  .strictObject({
    type: z.literal("Git"),
    ...commonStepOptions,
    haltOnFailure: z.boolean().default(true),
    repourl,
    /** Of the SSH server, where the address does not say. */
    port: z.number().int().min(1).max(65_535).default(22),
    /** Where the build's source stamp has none. */
    branch: argument.default("HEAD"),
    mode: z.enum(["incremental", "full"]).default("incremental"),
    method: z.enum(["clobber", "fresh", "clean", "copy"]).nullable().optional(),
    workdir: text.default("build"),
    alwaysUseLatest: z.boolean().default(false),
    /** Seconds between tries, and how many more of them. */
    retry: z
      .tuple([z.number().min(0).max(86_400), z.number().int().min(0).max(100)])
      .nullable()
      .optional(),
    codebase: text.default(""),
    /** Seconds without output. */
    timeout: seconds.nullable().default(1200),
    logEnviron: z.boolean().default(true),
    env: environment.default({}),
    submodules: z.boolean().default(false),
    remoteSubmodules: z.boolean().default(false),
    tags: z.boolean().default(false),
    /** How many revisions; true: one. */
    shallow: z.union([z.boolean(), z.number().int().min(1)]).default(false),
    reference: argument.nullable().optional(),
    origin: z
      .string()
      .regex(/^\w[\w.-]*$/, "is not a name of a remote")
      .nullable()
      .optional(),
    filters: z.array(argument).nullable().optional(),
    progress: z.boolean().default(true),
    retryFetch: z.boolean().default(false),
    clobberOnFailure: z.boolean().default(false),
    getDescription: z.union([z.boolean(), describeOptions]).default(false),
    config: z
      .record(
        z.string().regex(/^[A-Za-z][\w-]*\.[^=\p{C}]*$/u, "is not a name of a setting of git"),
        text,
      )
      .nullable()
      .optional(),
    sshPrivateKey: secret.nullable().optional(),
    sshHostKey: text.min(1).nullable().optional(),
    sshKnownHosts: text.min(1).nullable().optional(),
    auth_credentials: z
      .tuple([text.min(1), secret])
      .nullable()
      .optional(),
    git_credentials: z
      .strictObject({
        /** Each in git's own form: lines of `url=`, `username=`, `password=`. */
        credentials: z.array(secret),
        use_http_path: z.boolean().default(false),
      })
      .nullable()
      .optional(),
  })
  .superRefine((options, context) => {
    const { mode, method, shallow, repourl: url } = options;
    const problem = (key: string, message: string) =>
      context.addIssue({ code: "custom", path: [key], message });
    if (options.sshHostKey && options.sshKnownHosts) {
      problem("sshKnownHosts", "goes without sshHostKey: one of them says which hosts are trusted");
    }
    if (method && mode === "incremental") problem("method", "counts with mode full only");
    if (shallow && mode === "full" && method !== "clobber") {
      problem("shallow", "goes with mode incremental, or with mode full and method clobber");
    }
    if (options.auth_credentials && !isTemplate(url) && !/^https?:/i.test(url)) {
      problem("auth_credentials", "goes with http:// and https:// addresses only");
    }
  });

export type GitOptions = z.output<typeof gitSchema>;
