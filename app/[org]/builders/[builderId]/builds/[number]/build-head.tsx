"use client";

import Link from "next/link";
import type { ReactNode } from "react";
import { duration } from "@/app/_client/format";
import { routes } from "@/app/_client/navigation";
import { Source } from "@/app/_features/builds-table";
import { buildState, resultState, StatusIcon, StatusPlate } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Button, buttonClass } from "@/app/_ui/button";
import { ICONS, Icon } from "@/app/_ui/icon";
import { Ago, Duration } from "@/app/_ui/time";
import type { BuildPage } from "@/server/api/builds/one";
import { Controls } from "./controls";
import { MachineBar, MachineFact } from "./machine-bar";
import { NextTry } from "./next-try";
import { PANELS, type PanelName } from "./side-panel";

/** The summary bar: how it ended, what it is, why and for whom, where, how long it waited and ran. */
export function BuildHead(props: {
  build: BuildPage;
  panel: PanelName | null;
  onPanel: (panel: PanelName | null) => void;
}) {
  const { build } = props;
  const org = useOrg();
  return (
    <header className="px-4 pt-3 sm:px-6">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <StatusPlate state={buildState(build)} />
        <h1 className="flex items-baseline gap-2 text-lg font-semibold tracking-[-0.01em]">
          <Link href={routes.builder(org.slug, build.builderId)} className="hover:underline">
            {build.builder}
          </Link>
          <span className="num">#{build.number}</span>
        </h1>
        <nav aria-label="Neighbours" className="flex">
          <Neighbour number={build.previous} build={build} label="Older build" icon={ICONS.left} />
          <Neighbour number={build.next} build={build} label="Newer build" icon={ICONS.right} />
        </nav>
        <div className="ml-auto flex flex-wrap gap-2">
          {PANELS.map((name) => (
            <Button
              key={name}
              look="quiet"
              aria-pressed={props.panel === name}
              className="capitalize aria-pressed:bg-accent-soft aria-pressed:text-accent"
              onClick={() => props.onPanel(props.panel === name ? null : name)}
            >
              {name}
              {name === "changes" && build.changeCount > 0 ? (
                <span className="num">{build.changeCount}</span>
              ) : null}
            </Button>
          ))}
          <Controls build={build} />
        </div>
      </div>
      <dl className="flex flex-wrap items-baseline gap-x-6 gap-y-1 pt-2 pb-3">
        <Fact name="for">{forWhom(build)}</Fact>
        <Fact name="source">
          <Source stamps={build.stamps} />
        </Fact>
        <Fact name="worker">
          <Link href={routes.worker(org.slug, build.workerId)} className="hover:underline">
            {build.worker}
          </Link>
        </Fact>
        {build.instanceId === null ? null : (
          <Fact name="machine">
            <MachineFact build={build} />
          </Fact>
        )}
        <Fact name="waited">
          <Duration from={build.requestedAt} to={build.startedAt ?? build.completeAt} />
        </Fact>
        <Fact name="ran">
          <Duration from={build.startedAt} to={build.completeAt} />
          {build.usualMs !== null ? (
            <span className="text-muted" title="Median of the last ten that succeeded">
              {" "}
              of usually {duration(build.usualMs)}
            </span>
          ) : null}
        </Fact>
        <Fact name={build.completeAt === null ? "began" : "ended"}>
          <Ago at={build.completeAt ?? build.startedAt ?? build.createdAt} />
        </Fact>
        <Fact name="why">{build.reason}</Fact>
      </dl>
      <Relatives build={build} />
      <MachineBar build={build} />
      <NextTry build={build} />
      {build.isAwaiting ? (
        <p className="mb-2 border-l-2 border-amber pl-3 first-letter:uppercase">
          {build.stateString}. What it built so far is kept there.
        </p>
      ) : null}
      {build.stopRequestedAt !== null ? (
        <p className="mb-2 border-l-2 border-amber pl-3">
          {build.state === "finished" ? "Stopped" : "Being stopped"} by {build.stopRequestedBy}
          {build.stopReason ? `: ${build.stopReason}` : ""}
        </p>
      ) : null}
      <div className="scale" aria-hidden="true" />
    </header>
  );
}

/** Who asked, or who wrote what it is for. */
function forWhom(build: BuildPage): string {
  const [first, ...others] = build.authors;
  if (build.owner !== null || first === undefined) return build.owner ?? build.scheduler;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

function Fact(props: { name: string; children: ReactNode }) {
  return (
    <div className="flex min-w-0 items-baseline gap-1.5">
      <dt className="label normal-case!">{props.name}</dt>
      <dd className="min-w-0">{props.children}</dd>
    </div>
  );
}

function Neighbour(props: {
  number: number | null;
  build: BuildPage;
  label: string;
  icon: string;
}) {
  const org = useOrg();
  const look = buttonClass("quiet", true);
  if (props.number === null) {
    return (
      <span className={`${look} opacity-30`} aria-hidden="true">
        <Icon path={props.icon} />
      </span>
    );
  }
  return (
    <Link
      href={routes.build(org.slug, props.build.builderId, props.number)}
      className={look}
      aria-label={`${props.label}, #${props.number}`}
      title={`${props.label}, #${props.number}`}
    >
      <Icon path={props.icon} />
    </Link>
  );
}

/** Other builds of the same request, and rebuilds, linked both ways. */
function Relatives({ build }: { build: BuildPage }) {
  const org = useOrg();
  const hasAttempts = build.attempts.length > 1;
  if (!hasAttempts && !build.rebuiltFrom && build.rebuilds.length === 0) return null;
  return (
    <div className="flex flex-wrap items-center gap-x-6 gap-y-1 pb-2">
      {hasAttempts ? (
        <nav aria-label="Attempts" className="flex flex-wrap items-center gap-1">
          <span className="label mr-1">Attempts</span>
          {build.attempts.map((attempt, index) => (
            <Link
              key={attempt.id}
              href={routes.build(org.slug, build.builderId, attempt.number)}
              aria-current={attempt.id === build.id ? "page" : undefined}
              className="flex h-7 items-center gap-1.5 rounded-sm border border-line px-2 aria-[current]:border-accent aria-[current]:bg-accent-soft"
            >
              <StatusIcon state={buildState(attempt)} label />
              {index + 1}
              <span className="num text-muted">#{attempt.number}</span>
            </Link>
          ))}
        </nav>
      ) : null}
      {build.rebuiltFrom ? (
        <span className="text-muted">
          Rebuild of{" "}
          <Link
            className="link num"
            href={routes.build(org.slug, build.rebuiltFrom.builderId, build.rebuiltFrom.number)}
          >
            #{build.rebuiltFrom.number}
          </Link>
        </span>
      ) : null}
      {build.rebuilds.length > 0 ? (
        <span className="flex items-center gap-2 text-muted">
          Rebuilt as
          {build.rebuilds.map((other) => (
            <Link
              key={other.number}
              className="link num flex items-center gap-1"
              href={routes.build(org.slug, other.builderId, other.number)}
            >
              <StatusIcon
                state={other.state === "finished" ? resultState(other.result) : "running"}
                label
              />
              #{other.number}
            </Link>
          ))}
        </span>
      ) : null}
    </div>
  );
}
