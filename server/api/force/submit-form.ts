/** A filled-in form becomes a buildset, or all that is wrong with it is said at once (CORE §8.1). */
import { z } from "zod";
import type { Queryable } from "../../db/pool";
import { AppError } from "../../domain/errors";
import { FormInvalid, readForm } from "../../domain/force";
import { type BuilderId, type OrgId, parseId } from "../../domain/ids";
import { unstorable } from "../../domain/text";
import type { EngineCommands, Made } from "../../engine";
import { type FormBuilder, loadForms, type StoredForm } from "./forms";

export interface FormAsk {
  readonly orgId: OrgId;
  /** Who is recorded, and who owns the builds. */
  readonly actor: string;
  /** @throws AppError auth.forbidden */
  mustBeAbleToForce(builder: string): void;
}

/** What is beside the fields: which of the scheduler's builders, and once only. */
const besides = z.object({
  builderid: z.union([z.int(), z.string()]).nullish(),
  builderNames: z.union([z.string(), z.array(z.string()).max(1_000)]).nullish(),
  idempotency_key: z
    .string()
    .min(1)
    .max(200)
    .refine((key) => unstorable(key) === null)
    .nullish(),
});

/** @throws AppError request.not-found, request.conflict, auth.forbidden; FormInvalid */
export async function submitForm(
  commands: EngineCommands,
  tx: Queryable,
  ask: FormAsk,
  name: string,
  sent: Readonly<Record<string, unknown>>,
): Promise<Made> {
  const [stored] = await loadForms(tx, ask.orgId, { name });
  if (!stored) throw new AppError("request.not-found", { what: "force scheduler" });
  if (!stored.isEnabled) {
    throw new AppError("request.conflict", { problem: `force scheduler ${name} is disabled` });
  }
  const { idempotency_key, ...wanted } = parseBesides(sent);
  const builders = chosenBuilders(stored, wanted);
  for (const builder of builders) ask.mustBeAbleToForce(builder.name);
  const context = { owner: ask.actor, validation: stored.validation };
  const { values, errors } = readForm(stored.formFor(builders), sent, context);
  if (errors) throw new FormInvalid(errors);
  return commands.forceForm(
    { orgId: ask.orgId, actor: ask.actor },
    {
      ...values,
      scheduler: name,
      builderIds: builders.map(({ id }) => id),
      idempotencyKey: idempotency_key ?? null,
    },
    tx,
  );
}

type Besides = z.output<typeof besides>;

function parseBesides(sent: unknown): Besides {
  const parsed = besides.safeParse(sent);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path }) => [String(path[0]), "is not understood"]);
  throw new FormInvalid(Object.fromEntries(wrong));
}

/** Of the scheduler's own builders those that are named; all of them when none is. */
function chosenBuilders(
  { builders }: StoredForm,
  { builderid, builderNames }: Besides,
): readonly FormBuilder[] {
  if (builderid !== undefined && builderid !== null) {
    const id = parseId<BuilderId>(builderid);
    const found = builders.filter((builder) => builder.id === id || builder.name === builderid);
    return found.length > 0 ? found : refuse("builderid", String(builderid));
  }
  const names = [builderNames ?? []].flat();
  const other = names.find((name) => !builders.some((builder) => builder.name === name));
  if (other !== undefined) return refuse("builderNames", other);
  const found = builders.filter(({ name }) => names.length === 0 || names.includes(name));
  return found.length > 0 ? found : refuse("builderNames", "none");
}

function refuse(field: string, given: string): never {
  const shown = JSON.stringify(given.slice(0, 100));
  throw new FormInvalid({ [field]: `${shown} is no builder that this scheduler starts` });
}
