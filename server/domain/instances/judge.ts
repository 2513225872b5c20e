/**
 * What a provider's list means beside ours (W-143). Pure; every list may lag or lie, so that nothing
 * follows from one sighting, and nothing at all for a machine that is its worker's present one:
 *
 *  - An *orphan* is listed, and nobody owns it: no row has its name, or its row says that it is gone. Its
 *    row may also be there without being any worker's present machine: then that is put right, and the
 *    life cycle stops it.
 *  - A machine that is *missing* has a row and is not listed. Its worker is looked at; if that is
 *    connected the list is wrong.
 */
import type { InstanceState } from "../latent/state";

/** As the provider lists it, with the tag that we put on it. */
export interface Listed {
  readonly key: string;
  readonly organization: number;
  /** Milliseconds since the epoch, as all times here; null: the provider does not say. */
  readonly madeAt: number | null;
}

/** As our row has it, read after the list was asked for. */
export interface Known {
  readonly id: number;
  readonly key: string;
  readonly state: InstanceState;
  /** It is its worker's machine. */
  readonly isCurrent: boolean;
  readonly isConnected: boolean;
  readonly createdAt: number;
}

export type SightingKind = "orphan" | "missing";

/** What earlier sweeps have found, as long as each of them did. */
export interface Sighted {
  readonly kind: SightingKind;
  readonly key: string;
  readonly times: number;
  readonly firstAt: number;
  /** A person does not want to wait for the second. */
  readonly isStopRequested: boolean;
}

export interface Sweep {
  /** When the list was asked for. */
  readonly at: number;
  /** So long a machine may be missing from the list, or still be on it. */
  readonly lagMs: number;
  readonly organization: number;
  readonly listed: readonly Listed[];
  /** Rows of all that is listed, by key, and of all that are not gone in this account. */
  readonly known: readonly Known[];
  readonly ours: readonly Known[];
  /** Organisations on listed tags that are no more: nobody else sweeps for them. */
  readonly goneOrganizations: ReadonlySet<number>;
  readonly sighted: readonly Sighted[];
}

export interface Finding {
  readonly kind: SightingKind;
  readonly key: string;
  readonly instanceId: number | null;
  readonly times: number;
  readonly firstAt: number;
  /** For a person. */
  readonly why: string;
  /** `sighted`, `too-young`: nothing yet. `spared`: its worker is connected. */
  readonly then: "sighted" | "too-young" | "stop" | "tell" | "spared";
}

export interface Judgement {
  readonly findings: readonly Finding[];
  /** Listed, and ours. */
  readonly knownCount: number;
  /** Rows that are nobody's and say otherwise. */
  readonly astray: readonly number[];
}

const SIGHTINGS = 2;
/** Before these there is nothing to miss; what is being stopped may be gone at any moment. */
const EXPECTED: ReadonlySet<InstanceState> = new Set(["starting", "running", "broken"]);

export function judge(sweep: Sweep): Judgement {
  const { listed, known, ours, organization, goneOrganizations } = sweep;
  const rows = new Map(known.map((row) => [row.key, row]));
  const before = new Map(sweep.sighted.map((each) => [`${each.kind} ${each.key}`, each]));
  const isOurs = ({ organization: whose, key }: Listed) =>
    whose === organization || (goneOrganizations.has(whose) && !rows.has(key));
  const orphans = listed.filter(isOurs).flatMap((machine): Finding[] => {
    const why = whyOrphan(rows.get(machine.key));
    if (why === null) return [];
    const found = sighting(sweep, before, "orphan", machine.key);
    const age = sweep.at - (machine.madeAt ?? found.firstAt);
    const isDue = found.times >= SIGHTINGS || found.isStopRequested;
    const then = age < sweep.lagMs ? "too-young" : isDue ? "stop" : "sighted";
    return [finding(found, rows.get(machine.key)?.id ?? null, why, then)];
  });
  const onList = new Set(listed.map(({ key }) => key));
  const missing = ours.flatMap((row): Finding[] => {
    if (onList.has(row.key) || !row.isCurrent || !EXPECTED.has(row.state)) return [];
    if (sweep.at - row.createdAt < sweep.lagMs) return [];
    const found = sighting(sweep, before, "missing", row.key);
    const isYoung = sweep.at - found.firstAt < sweep.lagMs;
    const then = row.isConnected
      ? "spared"
      : found.times >= SIGHTINGS && !isYoung
        ? "tell"
        : "sighted";
    const why = row.isConnected
      ? "the provider does not list it, and its worker is connected"
      : "the provider does not list it";
    return [finding(found, row.id, why, then)];
  });
  return {
    findings: [...orphans, ...missing],
    knownCount: listed.filter(({ key }) => rows.has(key)).length,
    astray: ours
      .filter(({ isCurrent, state }) => !isCurrent && state !== "gone" && state !== "stopping")
      .map(({ id }) => id),
  };
}

/** Null: it is somebody's, or being stopped. */
function whyOrphan(row: Known | undefined): string | null {
  if (!row) return "nobody here knows it";
  if (row.state === "gone" && !row.isCurrent) return "it counts as gone, and is still there";
  return null;
}

type Found = Omit<Sighted, "isStopRequested"> & { readonly isStopRequested: boolean };

function sighting(
  { at }: Sweep,
  before: ReadonlyMap<string, Sighted>,
  kind: SightingKind,
  key: string,
): Found {
  const last = before.get(`${kind} ${key}`);
  return {
    ...{ kind, key, times: (last?.times ?? 0) + 1, firstAt: last?.firstAt ?? at },
    isStopRequested: last?.isStopRequested ?? false,
  };
}

const finding = (
  { kind, key, times, firstAt }: Found,
  instanceId: number | null,
  why: string,
  then: Finding["then"],
): Finding => ({ kind, key, times, firstAt, instanceId, why, then });
