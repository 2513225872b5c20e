/** Terminal colours made readable on our two backgrounds (WCAG 2.2, contrast 4.5). */
export type Rgb = readonly [red: number, green: number, blue: number];

/** One colour as it is shown in the light and in the dark theme. */
export interface Themed {
  readonly light: string;
  readonly dark: string;
}

const LIGHT_BACKGROUND: Rgb = [0xfd, 0xfd, 0xfb];
const DARK_BACKGROUND: Rgb = [0x0f, 0x12, 0x14];
const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

/** The sixteen named colours; their contrast is corrected like that of all others. */
const NAMED: readonly Rgb[] = [
  [0x3a, 0x3f, 0x45],
  [0xc9, 0x3b, 0x33],
  [0x2f, 0x8f, 0x57],
  [0xb0, 0x7d, 0x1e],
  [0x2f, 0x6f, 0xcb],
  [0x95, 0x4f, 0xc4],
  [0x1b, 0x87, 0x9c],
  [0xb9, 0xbd, 0xbf],
  [0x75, 0x7c, 0x83],
  [0xe8, 0x5b, 0x51],
  [0x4d, 0xb5, 0x78],
  [0xd9, 0xa5, 0x3a],
  [0x5d, 0x97, 0xea],
  [0xb8, 0x7c, 0xe2],
  [0x3f, 0xb0, 0xc6],
  [0xee, 0xf0, 0xf0],
];

const LEVELS = [0, 95, 135, 175, 215, 255] as const;

/** A colour of the palette of 256. */
export function paletteColour(index: number): Rgb {
  const named = NAMED[index];
  if (named) return named;
  if (index >= 232) {
    const grey = 8 + (Math.min(index, 255) - 232) * 10;
    return [grey, grey, grey];
  }
  const cube = index - 16;
  const level = (n: number) => LEVELS[n % 6] as number;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6)), level(cube)];
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrast(one: Rgb, other: Rgb): number {
  const a = luminance(one);
  const b = luminance(other);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (n: 0 | 1 | 2) => Math.round(from[n] + (to[n] - from[n]) * share);
  return [part(0), part(1), part(2)];
}

/** The colour, moved towards black or white no further than reading needs. */
export function readable(colour: Rgb, background: Rgb, wanted: number): Rgb {
  const goal = contrast(BLACK, background) > contrast(WHITE, background) ? BLACK : WHITE;
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = mix(colour, goal, share);
    if (contrast(mixed, background) >= wanted) return mixed;
  }
  return goal;
}

function hex(colour: Rgb): string {
  return `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Text of that colour on the given background, or on the log's own. */
export function themedText(colour: Rgb, background: Rgb | null, wanted = 4.5): Themed {
  return {
    light: hex(readable(colour, background ?? LIGHT_BACKGROUND, wanted)),
    dark: hex(readable(colour, background ?? DARK_BACKGROUND, wanted)),
  };
}

/** Text that names no colour, on a background that does. */
export function themedDefaultText(background: Rgb): Themed {
  const best = contrast(BLACK, background) > contrast(WHITE, background) ? BLACK : WHITE;
  return { light: hex(best), dark: hex(best) };
}

export function themedBackground(colour: Rgb): Themed {
  return { light: hex(colour), dark: hex(colour) };
}
