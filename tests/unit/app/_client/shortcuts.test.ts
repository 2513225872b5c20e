/** Guarantee: a key means one command, the nearest one, and sequences need their first key in time. */
import { expect, test } from "vitest";
import { PLACES, placeOf } from "../../../../app/_client/navigation";
import { type Command, keyCaps, matchKeys } from "../../../../app/_client/shortcuts";

const command = (id: string, keys: string): Command => ({
  id,
  keys,
  label: id,
  group: "Test",
  run() {},
});
const commands = [command("find", "f"), command("builders", "g b"), command("shell-f", "f")];

test("the first of two commands with one key wins", () => {
  expect(matchKeys(commands, null, { key: "f", at: 0 })).toMatchObject({ id: "find" });
});

test("a sequence counts while its first key is fresh", () => {
  const first = { key: "g", at: 1000 };
  expect(matchKeys(commands, null, first)).toBe("wait");
  expect(matchKeys(commands, first, { key: "b", at: 1500 })).toMatchObject({ id: "builders" });
  expect(matchKeys(commands, first, { key: "b", at: 9000 })).toBeNull();
});

test("an unknown key is nobody's", () => {
  expect(matchKeys(commands, null, { key: "q", at: 0 })).toBeNull();
});

test("no two places share keys, and every path finds its place", () => {
  const keys = PLACES.flatMap((place) => place.keys ?? []);
  expect(new Set(keys).size).toBe(keys.length);
  expect(placeOf("/builders/3/builds/9")?.id).toBe("builders");
  expect(placeOf("")?.id).toBe("home");
  expect(placeOf("/nowhere")).toBeUndefined();
  expect(keyCaps("g b")).toEqual(["g", "b"]);
});
