import type { ReactNode } from "react";
import { Button, buttonClass } from "../../_ui/button";
import type { View } from "./log-screen";

export interface LogActions {
  top(): void;
  end(): void;
  follow(): void;
  wrap(): void;
  full(): void;
  text(): void;
  copyLink(): void;
}

interface Props {
  readonly view: View;
  readonly actions: LogActions;
  readonly rawUrl: string;
  readonly modes: {
    readonly isWrapped: boolean;
    readonly isFull: boolean;
    readonly isText: boolean;
    readonly isConnected: boolean;
    readonly isComplete: boolean;
  };
}

export function LogToolbar({ view, actions, rawUrl, modes }: Props) {
  const { isWrapped, isFull, isText, isConnected, isComplete } = modes;
  return (
    <div
      role="toolbar"
      aria-label="Log"
      className="flex flex-wrap items-center gap-1 border-b border-line bg-raised px-2 py-1"
    >
      <p className="mr-auto px-1 text-xs text-muted" role="status">
        {view.isFailing
          ? "Lines cannot be loaded; trying again."
          : isConnected
            ? ""
            : "The connection is lost; the log goes on from here when it is back."}
        {isConnected && !view.isFailing ? <Count lines={view.lineCount} /> : null}
      </p>
      {isComplete ? null : (
        <Toggle label="Follow" keys="l" isOn={view.isFollowing} onClick={actions.follow} />
      )}
      <Toggle label="Wrap" keys="w" isOn={isWrapped} onClick={actions.wrap} />
      <Button look="quiet" small title="Top (g t)" onClick={actions.top}>
        Top
      </Button>
      <Button look="quiet" small title="End (g e)" onClick={actions.end}>
        End
      </Button>
      <Toggle label="As text" isOn={isText} onClick={actions.text} />
      <Toggle label="Full screen" keys="z" isOn={isFull} onClick={actions.full} />
      <a className={buttonClass("quiet", true)} href={rawUrl} download>
        Raw
      </a>
    </div>
  );
}

/** Outside the status text proper: a screen reader need not hear every number. */
function Count({ lines }: { readonly lines: number }): ReactNode {
  return <span aria-live="off">{lines === 1 ? "1 line" : `${lines.toLocaleString()} lines`}</span>;
}

function Toggle(props: {
  readonly label: string;
  readonly keys?: string;
  readonly isOn: boolean;
  readonly onClick: () => void;
}) {
  return (
    <Button
      look="quiet"
      small
      aria-pressed={props.isOn}
      title={props.keys ? `${props.label} (${props.keys})` : props.label}
      className={props.isOn ? "bg-accent-soft text-fg" : ""}
      onClick={props.onClick}
    >
      {props.label}
    </Button>
  );
}
