import { type Hue, look, type StateName } from "./states";

/** Hues that are told apart on both light and dark tab strips. */
const INK: Readonly<Record<Hue, string>> = {
  green: "#2f9e5f",
  amber: "#d29a2e",
  red: "#d2453b",
  purple: "#9a5bcb",
  blue: "#3f7fd6",
  cyan: "#1c93ad",
  orange: "#d8692a",
  slate: "#70819b",
  grey: "#80858b",
};

/** A tab's icon for a state, as a data URL of an SVG. */
export function faviconOf(state: StateName): string {
  const { shape, hue } = look(state);
  const ink = INK[hue];
  const solid = shape.body !== undefined && !shape.hollow;
  const dots = (shape.dots ?? [])
    .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="2.2" fill="${ink}"/>`)
    .join("");
  const body = shape.body
    ? `<path d="${shape.body}" fill="${solid ? ink : "none"}" stroke="${solid ? "none" : ink}" stroke-width="1.8"${shape.motion === "turns" ? ' opacity=".35"' : ""}/>`
    : "";
  const mark = shape.mark
    ? `<path d="${shape.mark}" fill="none" stroke="${solid ? "#fff" : ink}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>`
    : "";
  return `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${body}${mark}${dots}</svg>`,
  )}`;
}
