import { z } from "zod";
import { AppError } from "../../domain/errors";
import { allFields, type Field } from "../../domain/force";
import type { ApiContext } from "../context";
import { loadForms } from "../force/forms";
import { submitForm } from "../force/submit-form";
import type { OrgScope } from "../trpc";

/** A force scheduler as a builder's page offers it. */
export interface ForceFormOffer {
  name: string;
  label: string;
  buttonName: string;
  fields: readonly Field[];
}

/** In the order of the buttons: by name. Disabled ones are not offered. */
export async function formsOfBuilder(
  org: OrgScope,
  { builderId }: { builderId: number },
): Promise<ForceFormOffer[]> {
  const forms = await org.within((tx) => loadForms(tx, org.orgId, { builderId }));
  return forms
    .filter(({ isEnabled }) => isEnabled)
    .map((stored) => {
      const form = stored.formFor(stored.builders.filter(({ id }) => id === builderId));
      const { name, label, buttonName } = form;
      return { name, label, buttonName, fields: allFields(form) };
    });
}

export const submitFormInput = z.object({
  builderId: z.number().int().positive(),
  scheduler: z.string().min(1).max(100),
  /** By the full names of the fields. */
  values: z.record(z.string().max(300), z.unknown()),
  /** Made by the dialog once, so that a double click starts one build. */
  idempotencyKey: z.string().min(8).max(100),
});

/** @throws FormInvalid with what is wrong at each field */
export async function forceByForm(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof submitFormInput>,
): Promise<{ buildsetId: number; requestId: number | null }> {
  const { values, builderId, idempotencyKey } = input;
  const ask = { ...org.caller, mustBeAbleToForce: () => {} };
  const sent = { ...values, builderid: builderId, idempotency_key: idempotencyKey };
  const { commands } = ctx.runtime;
  const made = await org.within((tx) => submitForm(commands, tx, ask, input.scheduler, sent));
  made.announce();
  const requestId = made.requestIds[String(builderId)];
  if (requestId === undefined) throw new AppError("request.not-found", { what: "build request" });
  return { buildsetId: made.buildsetId, requestId };
}
