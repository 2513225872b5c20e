// Guarantee: started by root, local workers live in a folder that nobody else has made or may change.
import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLocalHome } from "../../../../../server/processes/local/home";

const isRoot = process.getuid?.() === 0;
let data: string;
let folder: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-home-"));
  ({ folder } = await openLocalHome(data, ""));
});
afterEach(async () => {
  await rm(data, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
});

test("it is there, and is there again", async () => {
  const again = await openLocalHome(data, "");
  expect(again.folder).toBe(folder);
  expect((await stat(again.workers)).isDirectory()).toBe(true);
});

test.runIf(isRoot).each([
  ["of somebody else", () => chown(folder, 65_534, 65_534)],
  ["that anybody may write to", () => chmod(folder, 0o777)],
  [
    "that is a link to another",
    async () => {
      await rm(folder, { recursive: true });
      await mkdir(join(data, "elsewhere"));
      await symlink(join(data, "elsewhere"), folder);
    },
  ],
])("a folder %s is not used", async (_, change) => {
  await change();
  await expect(openLocalHome(data, "")).rejects.toThrow(
    `${folder} is not a folder of root's alone`,
  );
});
