/**
 * What happens next to a latent worker's machine, and when: the same steps as `nextStep` of the life
 * cycle takes, for a person. Pure.
 */
import { LOST_SECONDS } from "../latent/options";
import type { LatentState } from "../latent/state";

export interface OutlookFacts {
  readonly state: LatentState;
  readonly isConnected: boolean;
  readonly buildCount: number;
  /** Times are milliseconds since the epoch. */
  readonly since: number;
  readonly missingAt: number | null;
  readonly keptSeconds: number;
  readonly idleSince: number | null;
  readonly lostAt: number | null;
}

export interface Outlook {
  /** Continues "Next:". */
  readonly what: string;
  /** Null: when something happens, not at a time. */
  readonly at: number | null;
}

/** Null: nothing happens by itself. */
export function outlookOf(facts: OutlookFacts): Outlook | null {
  switch (facts.state) {
    case "insubstantiated":
    case "shut-down":
      return null;
    case "substantiating":
      return { what: "its machine is asked for", at: null };
    case "starting":
      return facts.missingAt === null
        ? null
        : { what: "unless it logs in, it is given up", at: facts.missingAt };
    case "substantiated":
      return facts.isConnected ? whenThere(facts) : whenLost(facts);
    case "insubstantiating":
      return { what: "at rest when the provider has taken its machine away", at: null };
    case "resubstantiating":
      return { what: "another machine, when the provider has taken this one away", at: null };
  }
}

function whenThere({ buildCount, keptSeconds, since, idleSince }: OutlookFacts): Outlook | null {
  if (keptSeconds < 0) return null;
  if (buildCount > 0) {
    const what =
      keptSeconds === 0
        ? "its machine goes with this build"
        : `its machine goes ${inWords(keptSeconds)} after its last build`;
    return { what, at: null };
  }
  const at = Math.max(since, idleSince ?? since) + keptSeconds * 1_000;
  return { what: "unless a build needs it, its machine goes", at };
}

function whenLost({ since, lostAt }: OutlookFacts): Outlook {
  const at = (lostAt ?? since) + LOST_SECONDS * 1_000;
  return { what: "unless it comes back, it goes", at };
}

function inWords(seconds: number): string {
  if (seconds % 60 !== 0 || seconds < 60) return `${seconds} s`;
  return `${seconds / 60} min`;
}
