import { look, type Shape, type StateName } from "./states";

const HUE_TEXT = {
  green: "text-green",
  amber: "text-amber",
  red: "text-red",
  purple: "text-purple",
  blue: "text-blue",
  cyan: "text-cyan",
  orange: "text-orange",
  slate: "text-slate",
  grey: "text-grey",
} as const;

const HUE_SOFT = {
  green: "bg-green-soft text-green",
  amber: "bg-amber-soft text-amber",
  red: "bg-red-soft text-red",
  purple: "bg-purple-soft text-purple",
  blue: "bg-blue-soft text-blue",
  cyan: "bg-cyan-soft text-cyan",
  orange: "bg-orange-soft text-orange",
  slate: "bg-slate-soft text-slate",
  grey: "bg-grey-soft text-grey",
} as const;

/** The shape alone, for where its word stands beside it. `label` names it to a screen reader. */
export function StatusIcon(props: { state: StateName; size?: number; label?: string | true }) {
  const { word, hue, shape } = look(props.state);
  const label = props.label === true ? word : props.label;
  const size = props.size ?? 15;
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: named when it stands alone, decoration otherwise
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      className={`inline-block shrink-0 ${HUE_TEXT[hue]}`}
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
    >
      {label ? <title>{label}</title> : null}
      <Drawing shape={shape} />
    </svg>
  );
}

function Drawing({ shape }: { shape: Shape }) {
  if (shape.dots) {
    return (
      <g className={shape.motion ? "rise" : ""} fill="currentColor">
        {shape.dots.map(([x, y]) => (
          <circle key={x} cx={x} cy={y} r="1.9" />
        ))}
      </g>
    );
  }
  const solid = shape.body !== undefined && !shape.hollow;
  return (
    <>
      {shape.body ? (
        <path
          d={shape.body}
          fill={solid ? "currentColor" : "none"}
          stroke={solid ? "none" : "currentColor"}
          strokeWidth="1.5"
          opacity={shape.motion === "turns" ? 0.3 : 1}
        />
      ) : null}
      {shape.mark ? (
        <path
          d={shape.mark}
          fill="none"
          stroke={solid ? "var(--bg-raised)" : "currentColor"}
          strokeWidth={shape.motion === "turns" ? 2 : 1.6}
          strokeLinecap="round"
          strokeLinejoin="round"
          className={shape.motion === "turns" ? "spin" : ""}
        />
      ) : null}
    </>
  );
}

/** Shape and word. */
export function Status(props: { state: StateName; word?: string; title?: string }) {
  const { word, hue, means } = look(props.state);
  return (
    <span
      className={`inline-flex items-center gap-1.5 whitespace-nowrap ${HUE_TEXT[hue]}`}
      title={props.title ?? means}
    >
      <StatusIcon state={props.state} />
      <span>{props.word ?? word}</span>
    </span>
  );
}

/** Shape and word on the state's own ground: for heads of pages. */
export function StatusPlate(props: { state: StateName; word?: string }) {
  const { word, hue, means } = look(props.state);
  return (
    <span
      className={`inline-flex h-7 items-center gap-1.5 rounded-sm px-2 font-semibold ${HUE_SOFT[hue]}`}
      title={means}
    >
      <StatusIcon state={props.state} size={16} />
      <span>{props.word ?? word}</span>
    </span>
  );
}
