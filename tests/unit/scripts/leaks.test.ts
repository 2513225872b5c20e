// Guarantees that addresses of registries, paths of one machine and keys are found before they are
// published, and that what only looks like them is left alone.
import { expect, test } from "vitest";
import { leaksIn } from "../../../scripts/leaks.mjs";

// In pieces, or this file would be found itself.
const ADDRESS = ["https:/", "registry.example.org", "a.tgz"].join("/");
const HOME = ["", "home", "anna", "slipway"].join("/");

test.each([
  [`fetched from ${ADDRESS}`, "an address of a package registry"],
  [`  "reso${"lved"}": "x"`, "an address of a package registry"],
  [`regi${"stry"}=x`, "a registry setting"],
  [`see ${HOME}/notes`, "a path of one machine"],
  [`-----BEGIN PRIVATE ${"KEY"}-----\nMII`, "a private key"],
])("%j holds %s", (text, what) => {
  expect(leaksIn(text)).toEqual([what]);
});

test.each([
  ['"url": "https://github.com/sponsors/github/npm/postcss"'],
  ["the driver registry = one line per kind"],
  ["link to /{org}/home/page"],
  ["/var/lib/slipway"],
])("%j is nothing", (text) => {
  expect(leaksIn(text)).toEqual([]);
});
