"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { cost } from "@/app/_features/machines";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Field } from "@/app/_ui/field";
import { fieldProblems, Problem } from "@/app/_ui/problem";
import { Ago, Clock, Countdown } from "@/app/_ui/time";
import type { Limits, limitsOf } from "@/server/api/instances/limits";
import type { CapName } from "@/server/domain/instances";

type Facts = Awaited<ReturnType<typeof limitsOf>>;

const AMOUNTS = [
  ["maxInstances", "Machines at a time", "max_instances"],
  ["maxHoursPerDay", "Machine hours a day", "max_hours_per_day"],
  ["maxHoursPerMonth", "Machine hours a month", "max_hours_per_month"],
  ["maxCostPerDay", "Cost a day", "max_cost_per_day"],
  ["maxCostPerMonth", "Cost a month", "max_cost_per_month"],
] as const satisfies readonly (readonly [keyof Limits, string, CapName])[];
type Amount = (typeof AMOUNTS)[number][0];

/** Owners set limits; all see how far they are used. */
export function LimitsForm({ facts }: { facts: Facts }) {
  const { limits, states } = facts;
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const may = useIsAtLeast("owner");
  const [amounts, setAmounts] = useState<Readonly<Record<Amount, string>>>(
    () =>
      Object.fromEntries(AMOUNTS.map(([name]) => [name, String(limits[name] ?? "")])) as Record<
        Amount,
        string
      >,
  );
  const [currency, setCurrency] = useState(limits.currency ?? "");
  const [notify, setNotify] = useState(limits.notify.join(", "));
  const [isDryRun, setDryRun] = useState(limits.isDryRun);
  const save = useMutation(
    trpc.instances.setLimits.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.instances.pathKey() }),
    }),
  );
  const wrong = fieldProblems(save.error);
  const number = (name: Amount) => {
    const text = amounts[name].trim();
    return text === "" ? null : Number(text);
  };
  return (
    <form
      className="max-w-md space-y-4"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate({
          org: org.slug,
          maxInstances: number("maxInstances"),
          maxHoursPerDay: number("maxHoursPerDay"),
          maxHoursPerMonth: number("maxHoursPerMonth"),
          maxCostPerDay: number("maxCostPerDay"),
          maxCostPerMonth: number("maxCostPerMonth"),
          currency: currency.trim() || null,
          notify: notify.split(/[\s,;]+/).filter((one) => one !== ""),
          isDryRun,
        });
      }}
    >
      <p className="text-muted">
        Days and months are those of UTC: the present day ends at <Clock at={facts.dayEndsAt} /> on
        your clock, <Countdown to={facts.dayEndsAt} />.
      </p>
      {AMOUNTS.map(([name, label, cap]) => {
        const state = states.find((one) => one.cap === cap);
        return (
          <Field
            key={name}
            label={label}
            type="number"
            min={0}
            step={name === "maxInstances" ? 1 : "any"}
            disabled={!may}
            value={amounts[name]}
            placeholder="no limit"
            onChange={(event) => setAmounts({ ...amounts, [name]: event.target.value })}
            help={state ? usedWords(name, state.used, limits.currency) : null}
            problem={wrong[name]}
          />
        );
      })}
      <Field
        label="Currency"
        value={currency}
        disabled={!may}
        maxLength={10}
        placeholder="EUR"
        onChange={(event) => setCurrency(event.target.value)}
        help="Stands beside amounts of money, which are in the unit of price_per_hour."
        problem={wrong.currency}
      />
      <Field
        label="Who gets the mails"
        value={notify}
        disabled={!may}
        placeholder="the owners"
        onChange={(event) => setNotify(event.target.value)}
        help="Addresses, with commas between them: for limits that are reached, and machines that do not stop."
        problem={wrong.notify}
      />
      <label className="flex min-h-8 items-center gap-2">
        <input
          type="checkbox"
          disabled={!may}
          checked={isDryRun}
          onChange={(event) => setDryRun(event.target.checked)}
          className="size-4 accent-(--accent)"
        />
        Dry run: sweeps say what they would stop, and stop nothing
      </label>
      <Problem error={save.error} />
      {may ? (
        <div className="flex flex-wrap items-center gap-3">
          <Button type="submit" look="primary" disabled={save.isPending} aria-busy={save.isPending}>
            Set the limits{save.isPending ? " …" : ""}
          </Button>
          <span role="status" className="text-muted">
            {save.isSuccess ? "They are set." : null}
          </span>
        </div>
      ) : (
        <p className="text-muted">Owners of the organisation set them.</p>
      )}
      {facts.changedAt === null ? null : (
        <p className="text-xs text-muted">
          Set by {facts.changedBy} <Ago at={facts.changedAt} />.
        </p>
      )}
    </form>
  );
}

function usedWords(name: Amount, used: number, currency: string | null): string {
  if (name === "maxInstances") return `${round(used)} now`;
  const amount = name.startsWith("maxCost") ? cost(used, currency) : round(used);
  return `${amount} used ${name.endsWith("Day") ? "today" : "this month"} (UTC)`;
}

const round = (value: number) => Number(value.toFixed(2)).toLocaleString("en");
