import type { Mark } from "./editor/mount";

export interface Finding extends Mark {
  readonly path: string;
}

/** Errors and warnings with their places; each leads there. */
export function Findings(props: {
  findings: readonly Finding[];
  onGo: (finding: Finding) => void;
}) {
  if (props.findings.length === 0) return null;
  return (
    <ol aria-label="Errors and warnings" className="space-y-0.5">
      {props.findings.map((finding) => (
        <li
          key={`${finding.line}:${finding.column}:${finding.message}`}
          className={`border-l-2 pl-3 ${finding.severity === "error" ? "border-red" : "border-amber"}`}
        >
          <button
            type="button"
            className="min-h-6 text-left hover:underline"
            onClick={() => props.onGo(finding)}
          >
            <span className={`num ${finding.severity === "error" ? "text-red" : "text-amber"}`}>
              {finding.severity}, line {finding.line}, column {finding.column}
            </span>{" "}
            {finding.message}{" "}
            {finding.path === "" ? null : (
              <span className="num text-xs break-all text-muted">{finding.path}</span>
            )}
          </button>
        </li>
      ))}
    </ol>
  );
}
