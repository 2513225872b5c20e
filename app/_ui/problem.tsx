"use client";

/** What went wrong, its code and the page about it. */
export interface ProblemShape {
  message: string;
  data?: { errorCode?: string | null; fields?: Record<string, string[] | undefined> | null } | null;
}

/** Messages by field of a refused form. */
export function fieldProblems(error: unknown): Record<string, string | undefined> {
  const fields = (error as ProblemShape | null)?.data?.fields ?? {};
  return Object.fromEntries(Object.entries(fields).map(([name, list]) => [name, list?.[0]]));
}

export function Problem(props: { error: unknown }) {
  if (!props.error) return null;
  const { message, data } = props.error as ProblemShape;
  const hasFields = data?.fields && Object.keys(data.fields).length > 0;
  return (
    <p role="alert" className="rounded-md border border-red bg-red-soft px-3 py-2 text-red">
      {hasFields ? "Something in the form is not right; see the fields." : message}
      {data?.errorCode ? <code className="num ml-2 text-xs">{data.errorCode}</code> : null}
    </p>
  );
}
