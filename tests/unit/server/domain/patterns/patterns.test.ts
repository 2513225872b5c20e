// Guarantees: patterns of tenants run in time that is linear in the text, match from its start as
// Buildbot's do, and globs mean what a shell's mean.
import { describe, expect, it } from "vitest";
import { compileGlob, compilePattern, patternProblem } from "../../../../../server/domain/patterns";

describe("a pattern", () => {
  it("matches from the start, to anywhere", () => {
    expect(compilePattern("ma").matchesStart("main")).toBe(true);
    expect(compilePattern("in").matchesStart("main")).toBe(false);
    expect(compilePattern("release/(?P<v>\\d+)").matchesStart("release/12-rc")).toBe(true);
    expect(compilePattern("ma").matchesAll("main")).toBe(false);
  });

  it("that would take for ever elsewhere is quick", () => {
    const text = `${"a".repeat(5_000)}!`;
    expect(compilePattern("(a+)+$").matchesStart(text)).toBe(false);
    expect(compilePattern("(a|a|b)*c").matchesStart(text)).toBe(false);
  });

  it.each([
    ["(?=x)", /looking ahead/],
    ["(a)\\1", /references back/],
    ["(", /missing closing \)/],
    ["(a{1000}){1000}", /repeat/],
    ["x".repeat(1001), /at most 1000/],
  ])("%s is refused in words", (source, words) => {
    expect(patternProblem(source)).toMatch(words);
  });
});

describe("a glob", () => {
  it.each([
    ["*.md", "README.md", true],
    ["*.md", "docs/a.md", false],
    ["**/*.md", "docs/deep/a.md", true],
    ["**/*.md", "a.md", true],
    ["docs/**", "docs/deep/a", true],
    ["docs/**", "docs2/a", false],
    ["src/*.{ts,tsx}", "src/a.tsx", true],
    ["src/*.{ts,tsx}", "src/a.js", false],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["[a-c]x", "bx", true],
    ["[!a-c]x", "dx", true],
    ["[!a-c]x", "bx", false],
    ["a+b(c).$", "a+b(c).$", true],
    ["ü*", "über", true],
    ["a\\b", "a\\b", true],
    ["line*", "line\nbreak", true],
    ["a,b", "a,b", true],
  ])("%s and %s: %s", (glob, text, expected) => {
    expect(compileGlob(glob).matchesAll(text)).toBe(expected);
  });

  it("with a brace too few or too many is refused", () => {
    expect(() => compileGlob("a{b")).toThrow(/without its }/);
    expect(() => compileGlob("a}b")).toThrow(/without its {/);
  });
});
