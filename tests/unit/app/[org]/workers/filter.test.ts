/** Guarantee: whatever stands in the address of the fleet's page, it is read as a filter that the server takes. */
import { expect, test } from "vitest";
import { askedFor, filterOf } from "../../../../../app/[org]/workers/filter";
import { fleetFilter } from "../../../../../server/api/workers/fleet";

const read = (query: string) => askedFor(new URLSearchParams(query));

test("a whole filter", () => {
  expect(read("q=linux&re=1&state=paused,idle&old=1&page=3")).toEqual({
    text: "linux",
    isPattern: true,
    words: ["paused", "idle"],
    withOld: true,
    page: 3,
  });
});

test.each(["", "page=-1", "page=x&state=no-such", "page=1.5", `q=${"x".repeat(5000)}`])(
  "what makes no sense is left out: %s",
  (query) => {
    const asked = read(query);
    expect(asked.page).toBe(1);
    expect(asked.words).toEqual([]);
    expect(fleetFilter.safeParse(filterOf(asked)).success).toBe(true);
  },
);
