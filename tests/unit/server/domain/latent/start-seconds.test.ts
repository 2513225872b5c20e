// Guarantee: a start may take as long as its machine is waited for, and as long as its kind of machine needs.
import { expect, test } from "vitest";
import { startSeconds } from "../../../../../server/domain/latent";
import { dockerDriver } from "../../../../../server/drivers/docker";
import { libvirtDriver } from "../../../../../server/drivers/libvirt";

const DAY = 86_400_000;

test("no longer than it is waited for", () => {
  expect(startSeconds({ now: 5_000, missingAt: 65_000 }, 10_800)).toBe(60);
  expect(startSeconds({ now: 5_000, missingAt: 65_000 })).toBe(60);
});

test("one that is waited for without a limit has what its kind needs", () => {
  expect(startSeconds({ now: 5_000, missingAt: null }, 10_800)).toBe(10_800);
  expect(startSeconds({ now: 5_000, missingAt: null })).toBe(600);
  expect(startSeconds({ now: 0, missingAt: DAY })).toBe(600);
});

test("what pulls an image or copies a disk is not cut off after ten minutes", () => {
  const kinds = [dockerDriver({ isHosted: false, contexts: null }), libvirtDriver({ env: {} })];
  for (const { startSeconds: most } of kinds) {
    expect(startSeconds({ now: 0, missingAt: 3_600_000 }, most)).toBe(3_600);
  }
});
