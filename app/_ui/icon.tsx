/** A stroked icon in a 16 × 16 box. Decoration: its control carries the words. */
export function Icon(props: { path: string; size?: number; className?: string }) {
  return (
    <svg
      aria-hidden="true"
      width={props.size ?? 16}
      height={props.size ?? 16}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      className={`shrink-0 ${props.className ?? ""}`}
    >
      <path d={props.path} />
    </svg>
  );
}

export const ICONS = {
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M6 6h7v7H6zM3 10V3h7",
  check: "M3 8.5l3.2 3.2L13 5",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  left: "M10 3L5 8l5 5",
  right: "M6 3l5 5-5 5",
  down: "M3.5 6L8 10.5 12.5 6",
  plus: "M8 3v10M3 8h10",
  stop: "M4 4h8v8H4z",
  again: "M12.9 5.3A5.6 5.6 0 1 0 13.6 8.6M13.4 2.2v3.4H10",
  panel: "M2 3h12v10H2zM10 3v10",
  link: "M7 9l5-5M9 3.5h3.5V7M12 10v3H3V4h3",
  leave: "M6 2.5H3v11h3M7 8h6.5M11 5.5L13.5 8 11 10.5",
} as const;
