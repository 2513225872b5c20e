import Link from "next/link";
import { routes } from "@/app/_client/navigation";
import { buildState, StatusIcon } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Ago } from "@/app/_ui/time";
import type { ChangeWithOutcomes, Outcome } from "@/server/api/changes/page";

/** The builds of a change, the requests that wait, and the timers it waits for. */
export function Outcomes({ change }: { change: ChangeWithOutcomes }) {
  if (change.outcomes.length + change.waitingIn.length === 0) {
    return <span className="text-faint">nothing is built for it</span>;
  }
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1">
      {change.outcomes.map((outcome) => (
        <li key={outcome.requestId}>
          <OutcomeLink outcome={outcome} />
        </li>
      ))}
      {change.waitingIn.map(({ id, name, fireAt }) => (
        <li key={`scheduler-${id}`} className="flex items-center gap-1.5 text-muted">
          <StatusIcon state="waiting" />
          <span>
            {name}{" "}
            {fireAt === null ? (
              "keeps it for the next important change"
            ) : (
              <>
                decides <Ago at={fireAt} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function OutcomeLink({ outcome }: { outcome: Outcome }) {
  const org = useOrg();
  const { build } = outcome;
  const link = "flex items-center gap-1.5 hover:underline";
  if (build === null) {
    const isCancelled = outcome.state === "cancelled";
    return (
      <Link className={link} href={routes.request(org.slug, outcome.requestId)}>
        <StatusIcon state={isCancelled ? "cancelled" : "waiting"} label />
        {outcome.builder}
      </Link>
    );
  }
  return (
    <Link className={link} href={routes.build(org.slug, outcome.builderId, build.number)}>
      <StatusIcon state={buildState(build)} label />
      {outcome.builder} <span className="num text-muted">#{build.number}</span>
    </Link>
  );
}
