// Guarantee: what a tool prints in colour is shown as it meant it, readable in both themes, and no
// link of a log can run anything.
import { describe, expect, it } from "vitest";
import { parseAnsi, safeHref, stripAnsi } from "../../../../../app/_features/log-viewer/ansi";
import {
  contrast,
  paletteColour,
  type Rgb,
  readable,
} from "../../../../../app/_features/log-viewer/colour";

const E = "\x1b";

describe("appearance", () => {
  it("of plain text is one piece, of an empty line none", () => {
    expect(parseAnsi("plain")).toEqual([{ text: "plain" }]);
    expect(parseAnsi("")).toEqual([]);
  });

  it("bold, dim, italic, underline, struck, and back", () => {
    expect(parseAnsi(`${E}[1mb${E}[22;2md${E}[22;3mi${E}[23;4mu${E}[24;9ms${E}[0mp`)).toEqual([
      { text: "b", isBold: true },
      { text: "d", isDim: true },
      { text: "i", isItalic: true },
      { text: "u", isUnderlined: true },
      { text: "s", isStruck: true },
      { text: "p" },
    ]);
  });

  it("named, bright, palette and true colours", () => {
    const [red, bright, palette, rgb, colon, plain] = parseAnsi(
      `${E}[31ma${E}[91mb${E}[38;5;208mc${E}[38;2;1;2;3md${E}[38:2::1:2:3me${E}[39mf`,
    );
    expect(red?.color).toBeDefined();
    expect(bright?.color).not.toEqual(red?.color);
    expect(palette?.color?.dark).toBe("#ff8700");
    expect(rgb?.color?.light).toBe("#010203");
    expect(colon?.color).toEqual(rgb?.color);
    expect(plain).toEqual({ text: "f" });
  });

  it("a colour's parts are never taken for other codes", () => {
    expect(parseAnsi(`${E}[38;5;1;4mx`)[0]).toMatchObject({ isUnderlined: true });
    expect(parseAnsi(`${E}[48;2;1;3;9mx`)[0]).not.toHaveProperty("isItalic");
    expect(parseAnsi(`${E}[38;5;999mx`)).toEqual([{ text: "x" }]);
  });

  it("inverse with and without named colours", () => {
    expect(parseAnsi(`${E}[7mx`)).toEqual([{ text: "x", isInverse: true }]);
    expect(parseAnsi(`${E}[7;31mx`)[0]?.background).toBeDefined();
    expect(parseAnsi(`${E}[7;31mx`)[0]).not.toHaveProperty("isInverse");
  });

  it("begins anew with each line and survives a reset without a number", () => {
    expect(parseAnsi(`${E}[1mx${E}[my`)).toEqual([{ text: "x", isBold: true }, { text: "y" }]);
  });
});

describe("other escapes", () => {
  it.each([
    [`a${E}[Kb`, "ab"],
    [`a${E}[?25lb`, "ab"],
    [`a${E}[1A${E}[2Kb`, "ab"],
    [`${E}]0;title\x07a`, "a"],
    [`${E}(Ba`, "a"],
    [`a${E}`, "a"],
    [`a${E}[31`, "a"],
    [`a${E}]8;;http`, "a"],
    [`${E}7a${E}8`, "a"],
  ])("%j leaves %j", (input, text) => {
    expect(
      parseAnsi(input)
        .map((span) => span.text)
        .join(""),
    ).toBe(text);
    expect(stripAnsi(input)).toBe(text);
  });

  it("control characters are shown, tabs are kept", () => {
    expect(parseAnsi("a\0b\tc\x07")).toEqual([{ text: "a\u2400b\tc\u2407" }]);
  });

  it("no line makes more than some pieces", () => {
    const line = `${E}[1mx${E}[0my`.repeat(20_000);
    const spans = parseAnsi(line);
    expect(spans.length).toBeLessThan(2100);
    expect(spans.map((span) => span.text).join("")).toBe(stripAnsi(line));
  });
});

describe("links", () => {
  it("cover their text, ended by either terminator", () => {
    expect(parseAnsi(`${E}]8;;https://example.org/a${E}\\link${E}]8;;\x07.`)).toEqual([
      { text: "link", href: "https://example.org/a" },
      { text: "." },
    ]);
  });

  it.each(["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//x", "JaVaScRiPt:1"])(
    "%s is not followed",
    (uri) => {
      expect(safeHref(uri)).toBeNull();
    },
  );
});

it("every colour of the palette can be read on both backgrounds", () => {
  const backgrounds: Rgb[] = [
    [0xfd, 0xfd, 0xfb],
    [0x0f, 0x12, 0x14],
  ];
  for (let index = 0; index < 256; index += 1) {
    for (const background of backgrounds) {
      const shown = readable(paletteColour(index), background, 4.5);
      expect(contrast(shown, background)).toBeGreaterThanOrEqual(4.5);
    }
  }
});
