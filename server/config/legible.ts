/**
 * What of a file can be held against the rest of it although other parts are wrong, so that every
 * mistake is told of at once. What is misshapen becomes a hole in its list: loops pass over it, and
 * the others keep their places.
 */
import { schedulerSchema } from "../schedulers/scheduler-schema";
import type { Documents, OrganizationDocument, ProjectDocument } from "./schema";
import { organizationShape } from "./schema";

export function legible(file: unknown): Documents {
  const { projects, ...organization } = record(file);
  const isHeld = Object.keys(organizationShape).some((key) => key in organization);
  return {
    organization: isHeld
      ? ({
          workers: sieve(organization.workers, isNamed),
          pools: sieve(organization.pools, isNamed),
          reporters: sieve(organization.reporters, isTyped),
          locks: list(organization.locks).filter(isNamed),
        } as OrganizationDocument)
      : null,
    projects: Object.fromEntries(
      Object.entries(record(projects)).map(([name, project]) => [name, legibleProject(project)]),
    ),
  };
}

function legibleProject(value: unknown): ProjectDocument {
  const { builders, schedulers, change_source, codebases } = record(value);
  return {
    builders: sieve(builders, isNamed).map((builder) => legibleBuilder(record(builder))),
    schedulers: sieve(schedulers, isNamed).map((one) => legibleScheduler(record(one))),
    ...(Array.isArray(change_source) ? { change_source: sieve(change_source, isRecord) } : {}),
    ...(isRecord(change_source) ? { change_source } : {}),
    ...(Array.isArray(codebases) || isRecord(codebases) ? { codebases } : {}),
  } as ProjectDocument;
}

function legibleBuilder({ workername, workernames, pools, labels, builddir, ...rest }: Raw): Raw {
  const isText = (value: unknown) => typeof value === "string";
  return {
    ...rest,
    ...(isText(builddir) ? { builddir } : {}),
    ...(isText(workername) ? { workername } : {}),
    // Something is named, but not in a way that could be judged.
    ...(workername !== undefined && !isText(workername) ? { workernames: new Array(1) } : {}),
    ...(workernames === undefined ? {} : { workernames: sieve(workernames, isText, 1) }),
    ...(pools === undefined ? {} : { pools: sieve(pools, isText, 1) }),
    ...(labels === undefined ? {} : { labels: sieve(labels, isText, 1) }),
  };
}

/** What its kind asks for is judged only when it is all there. */
function legibleScheduler(scheduler: Raw): Raw {
  return schedulerSchema.safeParse(scheduler).success ? scheduler : { ...scheduler, type: null };
}

type Raw = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Raw =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isTyped = (value: unknown) => typeof record(value).type === "string";
const isNamed = (value: unknown) => typeof record(value).name === "string";

/** @param atLeast the length, in holes, of what is no list at all */
function sieve(value: unknown, keep: (item: unknown) => boolean, atLeast = 0): unknown[] {
  const items = Array.isArray(value) ? value : new Array(atLeast);
  const kept: unknown[] = new Array(items.length);
  items.forEach((item, index) => {
    if (keep(item)) kept[index] = item;
  });
  return kept;
}

export function record(value: unknown): Raw {
  return isRecord(value) ? value : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
