/** Which document the page shows: `?document=organization`, `?document=project:demo`; none: all. */
export type Target = "all" | "organization" | { readonly project: string };

export function targetOf(text: string | undefined): Target {
  if (text === "organization") return text;
  return text?.startsWith("project:") ? { project: text.slice("project:".length) } : "all";
}

export const keyOfTarget = (target: Target): string =>
  typeof target === "string" ? target : `project:${target.project}`;

export const titleOfTarget = (target: Target): string =>
  target === "all"
    ? "Everything in one file"
    : target === "organization"
      ? "Organisation"
      : target.project;
