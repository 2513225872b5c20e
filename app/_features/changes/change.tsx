import type { ChangeRow } from "../../../server/api/changes/page";
import { shortRevision } from "../../_client/format";

/** The first line of a change, its author, and behind a fold all that it says and touches. */
export function ChangeText({ change }: { change: ChangeRow }) {
  const [first = "", ...rest] = change.comments.trim().split("\n");
  const body = rest.join("\n").trim();
  return (
    <details className="min-w-0">
      <summary className="cursor-pointer [overflow-wrap:anywhere] marker:text-faint">
        <span className="font-medium">{first || "(no message)"}</span>
      </summary>
      <div className="mt-1 space-y-2 pb-2 pl-4">
        {body ? (
          <p className="whitespace-pre-wrap text-muted [overflow-wrap:anywhere]">{body}</p>
        ) : null}
        <Files change={change} />
        {change.category || change.project || change.codebase ? (
          <p className="text-xs text-muted">
            {[
              change.category && `category ${change.category}`,
              change.project && `project ${change.project}`,
              change.codebase && `codebase ${change.codebase}`,
            ]
              .filter(Boolean)
              .join(" · ")}
          </p>
        ) : null}
      </div>
    </details>
  );
}

function Files({ change }: { change: ChangeRow }) {
  const more = change.fileCount - change.files.length;
  if (change.fileCount === 0) return <p className="text-xs text-muted">No files are named.</p>;
  return (
    <ul aria-label="Files" className="font-mono text-[12px] leading-5">
      {change.files.map((file) => (
        <li key={file} className="[overflow-wrap:anywhere]">
          {file}
        </li>
      ))}
      {more > 0 ? <li className="text-muted">and {more} more</li> : null}
    </ul>
  );
}

/** Branch and revision, with a way to where the revision can be looked at. */
export function ChangeSource({ change }: { change: ChangeRow }) {
  const revision = change.revision === null ? null : shortRevision(change.revision);
  return (
    <span className="[overflow-wrap:anywhere]" title={change.repository || undefined}>
      {change.branch ?? "default branch"}{" "}
      {change.revlink && /^https?:/.test(change.revlink) ? (
        <a href={change.revlink} className="link num" rel="noreferrer">
          {revision}
        </a>
      ) : (
        <span className="num text-muted">{revision}</span>
      )}
    </span>
  );
}
