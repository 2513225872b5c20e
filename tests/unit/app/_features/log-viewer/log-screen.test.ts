// Guarantee: a log that grows is followed only while its end is in view, nothing moves under the
// reader's eyes, and what was printed before they came is there.
import { describe, expect, it } from "vitest";
import { LogScreen } from "../../../../../app/_features/log-viewer/log-screen";
import { createLogSource, type Line } from "../../../../../app/_features/log-viewer/source";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(lineCount: number, isComplete: boolean, start: number | "end", isWrapped = false) {
  const requests: [number, number][] = [];
  const source = createLogSource({ lineCount, isComplete }, async (from, count) => {
    requests.push([from, count]);
    return Array.from(
      { length: count },
      (_, n): Line => ({ number: from + n, stream: "stdout", text: `line ${from + n}` }),
    );
  });
  const screen = new LogScreen(source, {
    rowHeight: 20,
    start,
    isWrapped,
    retryLater: () => () => {},
  });
  screen.open();
  screen.resize(600);
  return { source, screen, requests };
}

const isWhole = (screen: LogScreen): boolean => {
  const { firstLine, endLine } = screen.view();
  for (let n = firstLine; n < endLine; n += 1) if (screen.line(n)?.number !== n) return false;
  return endLine > firstLine;
};

describe("a running log", () => {
  it("opens at its end, with all that was printed before", async () => {
    const { screen } = setUp(10_000, false, "end");
    await settle();
    const view = screen.view();
    expect(view).toMatchObject({ isFollowing: true, lineCount: 10_000, endLine: 10_000 });
    expect(isWhole(screen)).toBe(true);
    screen.goTo(0);
    await settle();
    expect(screen.line(0)?.text).toBe("line 0");
  });

  it("shows new lines once they are at hand, each at the end", async () => {
    const { source, screen } = setUp(10, false, "end");
    await settle();
    for (let lines = 110; lines < 5000; lines += 370) {
      source.update({ lineCount: lines });
      expect(isWhole(screen)).toBe(true);
      await settle();
      expect(screen.view()).toMatchObject({ lineCount: lines, endLine: lines });
      expect(isWhole(screen)).toBe(true);
    }
  });

  it("stands still once scrolled up, counts, and follows again at the end", async () => {
    const { source, screen } = setUp(1000, false, "end");
    await settle();
    const end = screen.view().scrollTop;
    screen.scrolledTo(end - 200);
    const before = screen.view();
    expect(before.isFollowing).toBe(false);
    source.update({ lineCount: 1037 });
    await settle();
    expect(screen.view()).toMatchObject({ newLines: 37, scrollTop: before.scrollTop });
    expect(screen.view().firstLine).toBe(before.firstLine);
    screen.scrolledTo(screen.view().contentHeight - 600);
    await settle();
    expect(screen.view()).toMatchObject({ newLines: 0, isFollowing: true });
    source.update({ lineCount: 1050, isComplete: true });
    await settle();
    expect(screen.view()).toMatchObject({ lineCount: 1050, isFollowing: false, endLine: 1050 });
  });

  it("is not moved by our own setting of the scrollbar", async () => {
    const { screen } = setUp(1000, false, "end");
    await settle();
    screen.scrolledTo(screen.view().scrollTop + 0.4);
    expect(screen.view().isFollowing).toBe(true);
  });
});

describe("news", () => {
  it("that come late, twice or not in order take no line away", () => {
    const { source } = setUp(100, false, "end");
    source.update({ lineCount: 300 });
    source.update({ lineCount: 200 });
    source.update({ isComplete: true });
    source.update({ isComplete: false });
    expect([source.lineCount, source.isComplete]).toEqual([300, true]);
  });
});

describe("a complete log", () => {
  it("of twelve million lines opens at any of them without asking for others", async () => {
    const { screen, requests } = setUp(12_000_000, true, 7_654_321);
    await settle();
    expect(isWhole(screen)).toBe(true);
    expect(screen.view().firstLine).toBeLessThanOrEqual(7_654_321);
    expect(screen.view().endLine).toBeGreaterThan(7_654_321);
    // The first screen was asked for before the height was known.
    expect(requests.length).toBeLessThan(12);
  });
});

describe("wrapped lines", () => {
  it("that turn out higher above the view do not move what is in it", async () => {
    const { screen } = setUp(1000, true, 500, true);
    await settle();
    const before = screen.view();
    const top = before.scrollTop;
    const line = Math.floor(top / 20);
    screen.measured([
      [before.firstLine, 4],
      [before.firstLine + 1, 3],
    ]);
    const after = screen.view();
    // Five rows more above: the view lies five rows further down, on the same line.
    expect(after.scrollTop).toBe(top + 100);
    expect(after.firstLine).toBeLessThanOrEqual(line);
    screen.wrap(false);
    expect(Math.floor(screen.view().scrollTop / 20)).toBe(line);
  });

  it("keep the end in view while the lines there are measured", async () => {
    const { screen } = setUp(1000, true, 0, true);
    screen.goToEnd();
    await settle();
    screen.measured([
      [998, 5],
      [999, 4],
    ]);
    const view = screen.view();
    expect(view.scrollTop).toBe((1000 + 7) * 20 - 600);
    expect(view.endLine).toBe(1000);
  });
});
