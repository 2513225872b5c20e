/** Fragments of SQL that the readers share. No value from outside ever passes through here. */

/** A timestamp as milliseconds since the epoch, null stays null. */
export const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::bigint`;

/** Codebase, branch and revision that a buildset is built from, in the order of codebases. */
export const stampsOf = (buildset: string): string => `
  (select coalesce(json_agg(json_build_object('codebase', ss.codebase, 'repository', ss.repository,
      'branch', ss.branch, 'revision', ss.revision, 'project', ss.project) order by ss.codebase), '[]')
   from buildset_source_stamp bss join source_stamp ss on ss.id = bss.source_stamp_id
   where bss.buildset_id = ${buildset})`;

export interface Stamp {
  codebase: string;
  repository: string;
  branch: string | null;
  revision: string | null;
  project: string;
}

/** One bar of a strip of builds. */
export interface Bar {
  id: number;
  number: number;
  state: string;
  result: number | null;
  /** Milliseconds since the epoch. */
  startedAt: number;
  completeAt: number | null;
}

/** A select of bars over `build x`; `where` chooses and orders them. */
export const bars = (where: string): string => `
  (select coalesce(json_agg(bar order by bar.id), '[]') from (
     select x.id, x.number, x.state, x.result, ${ms("coalesce(x.started_at, x.created_at)")} as "startedAt",
            ${ms("x.complete_at")} as "completeAt"
     from build x ${where}) bar)`;
