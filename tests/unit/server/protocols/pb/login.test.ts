// Guarantee: a login is proven exactly by a password that is valid now.
import { describe, expect, it } from "vitest";
import { loginResponse, provesPassword } from "../../../../../server/protocols/pb/login";

const challenge = Buffer.from("820490186d0b52b76d724967db79a30f", "hex");
// What a real worker answered to that challenge with the password "pass" (a recorded connection).
const recorded = Buffer.from("9d32abd7944e3546667049eca55d0eeb", "hex");

describe("login response", () => {
  it("is what a real worker computes", () => {
    expect(Buffer.from(loginResponse("pass", challenge)).equals(recorded)).toBe(true);
  });

  it("is accepted for any of the valid passwords and nothing else", () => {
    expect(provesPassword(["pass"], challenge, recorded)).toBe(true);
    expect(provesPassword(["new", "pass"], challenge, recorded)).toBe(true);
    expect(provesPassword(["other"], challenge, recorded)).toBe(false);
    expect(provesPassword(["pass"], Buffer.alloc(16), recorded)).toBe(false);
    expect(provesPassword(["pass"], challenge, recorded.subarray(0, 15))).toBe(false);
    expect(provesPassword(["pass"], challenge, Buffer.alloc(0))).toBe(false);
  });

  it("is never accepted without a password, not even an empty one", () => {
    const empty = loginResponse("", challenge);
    expect(provesPassword(null, challenge, empty)).toBe(false);
    expect(provesPassword([], challenge, empty)).toBe(false);
  });
});
