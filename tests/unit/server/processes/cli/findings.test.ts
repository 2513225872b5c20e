/** Every error has its line; of many warnings in the same words a few do, and the others are counted. */
import { expect, test } from "vitest";
import type { ConfigError } from "../../../../../server/config";
import { listErrors, listWarnings } from "../../../../../server/processes/cli/findings";

const finding = (index: number, message: string): ConfigError => ({
  ...{ path: `workers[${index}].docker_host`, line: index + 1, column: 4, message },
});
const many = (count: number, message: string) =>
  Array.from({ length: count }, (_, index) => finding(index, message));

test("every error has its line", () => {
  const lines = listErrors("ci.yaml", many(5, "is not an address")).trimEnd().split("\n");
  expect(lines).toHaveLength(5);
  expect(lines[1]).toBe("ci.yaml:2:4: workers[1].docker_host: is not an address");
});

test("warnings in the same words are counted behind the first three", () => {
  const warnings = [...many(200, "is asked without tls"), finding(7, "is the server's own host")];
  expect(listWarnings("ci.yaml", warnings).trimEnd().split("\n")).toEqual([
    "ci.yaml:1:4: warning: workers[0].docker_host: is asked without tls",
    "ci.yaml:2:4: warning: workers[1].docker_host: is asked without tls",
    "ci.yaml:3:4: warning: workers[2].docker_host: is asked without tls",
    "ci.yaml: warning: 197 more: is asked without tls",
    "ci.yaml:8:4: warning: workers[7].docker_host: is the server's own host",
  ]);
});

test("nothing is printed of nothing", () => {
  expect(listWarnings("ci.yaml", [])).toBe("");
});
