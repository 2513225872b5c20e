// Guarantee: a worker is given the authority that signed the doors' certificate when no machine
// trusts it already, and never a certificate that would not help.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { describe, expect, it } from "vitest";
import { authorityIn, authorityOf } from "../../../../../server/api/workers/authority";
import { hasOpenssl } from "../../../../support/certificate";

it("knows what every machine trusts, and what is no certificate", async () => {
  expect(authorityIn(String(rootCertificates[0]))).toEqual({ isPublic: true, pem: null });
  expect(authorityIn("nothing")).toEqual({ isPublic: false, pem: null });
  expect(await authorityOf("/nowhere/cert.pem")).toEqual({ isPublic: false, pem: null });
});

describe.skipIf(!hasOpenssl())("an authority of one's own", () => {
  it("is given when it lies in the chain", () => {
    const dir = mkdtempSync(join(tmpdir(), "authority-"));
    const openssl = (line: string) =>
      execFileSync("/usr/bin/openssl", line.split(" "), { cwd: dir, stdio: "pipe" });
    try {
      openssl(
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Ours -keyout ca.key -out ca.pem",
      );
      openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout own.key -out own.csr");
      openssl(
        "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out own.pem",
      );
      const [ca, own] = ["ca.pem", "own.pem"].map((name) => readFileSync(join(dir, name), "utf8"));
      expect(authorityIn(`${own}${ca}`)).toEqual({ isPublic: false, pem: ca?.trim() });
      expect(authorityIn(String(own))).toEqual({ isPublic: false, pem: null });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
