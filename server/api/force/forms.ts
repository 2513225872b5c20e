/** The force schedulers of an organisation, with the builders they start and their workers. */
import type { Queryable } from "../../db/pool";
import {
  type ForceForm,
  type ForceOptions,
  forceForm,
  type Validation,
  validationOf,
} from "../../domain/force";
import type { BuilderId, OrgId } from "../../domain/ids";
import { storedForceSchema } from "../../schedulers/force/schema";

export interface FormBuilder {
  readonly id: BuilderId;
  readonly name: string;
  /** Names of those that serve it. */
  readonly workers: readonly string[];
}

export interface StoredForm {
  readonly name: string;
  readonly isEnabled: boolean;
  readonly builders: readonly FormBuilder[];
  readonly validation: Validation;
  /** Its form when these builders are to be started. */
  formFor(builders: readonly FormBuilder[]): ForceForm;
}

interface Row {
  name: string;
  config: unknown;
  is_enabled: boolean;
  builders: FormBuilder[];
  validation: unknown;
}

const FORMS = {
  name: "force-forms",
  text: `
    select s.name, s.config, s.is_enabled, o.validation,
      (select coalesce(json_agg(json_build_object('id', b.id, 'name', b.name, 'workers',
           (select coalesce(json_agg(w.name order by w.name), '[]') from builder_worker p
            join worker w on w.id = p.worker_id
            where p.builder_id = b.id and w.removed_at is null)) order by b.name), '[]')
       from builder b
       where b.org_id = s.org_id and b.removed_at is null and s.config->'builderNames' ? b.name) as builders
    from scheduler s join organization o on o.id = s.org_id
    where s.org_id = $1 and s.kind = 'ForceScheduler' and s.removed_at is null
      and ($2::text is null or s.name = $2)
      and ($3::bigint is null or s.config->'builderNames' ?
        (select b.name from builder b where b.org_id = $1 and b.id = $3))
    order by s.name`,
};

/** In the order of their names, which is the order of the buttons. */
export async function loadForms(
  tx: Queryable,
  orgId: OrgId,
  { name = null, builderId = null }: { name?: string | null; builderId?: number | null } = {},
): Promise<StoredForm[]> {
  const rows = await tx.rows<Row>(FORMS, [orgId, name, builderId]);
  return rows.map((row) => {
    const options = storedForceSchema.parse(row.config) as ForceOptions;
    return {
      name: row.name,
      isEnabled: row.is_enabled,
      builders: row.builders,
      validation: validationOf(row.validation),
      formFor: (builders) => forceForm(row.name, options, commonWorkers(builders)),
    };
  });
}

/** Whoever is chosen must be able to build all of it. */
function commonWorkers([first, ...others]: readonly FormBuilder[]): readonly string[] {
  return (first?.workers ?? []).filter((name) =>
    others.every(({ workers }) => workers.includes(name)),
  );
}
