/**
 * A certificate for `localhost` by a certificate authority of its own, as in a company's network. Made
 * when it is needed: a stored one would expire.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
  /** The authority's certificate. */
  readonly ca: string;
  /** The same as a file, and the directory that holds nothing else, for programs that trust those. */
  readonly caPath: string;
  readonly caDir: string;
  /** The pair as files. */
  readonly certPath: string;
  readonly keyPath: string;
  remove(): void;
}

/** Whether certificates can be made here; says why not. */
export function hasOpenssl(): boolean {
  const isThere = existsSync("/usr/bin/openssl");
  if (!isThere) console.warn("skipped: /usr/bin/openssl is not installed");
  return isThere;
}

export const testCertificate = (): TestCertificate => certificateFor("DNS:localhost");

/** @param name as certificates have it: `DNS:localhost`, `IP:192.0.2.7` */
export function certificateFor(name: string): TestCertificate {
  const dir = mkdtempSync(join(tmpdir(), "certificate-"));
  const at = (name: string) => join(dir, name);
  const caDir = at("trusted");
  mkdirSync(caDir);
  const caPath = join(caDir, "ca.pem");
  const make = (...args: readonly string[]) =>
    execFileSync(
      "/usr/bin/openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...args],
      { stdio: "pipe" },
    );
  make("-subj", "/CN=Test authority", "-keyout", at("ca-key.pem"), "-out", caPath);
  make(
    ...["-subj", "/CN=localhost", "-addext", `subjectAltName=${name}`],
    ...["-addext", "basicConstraints=CA:FALSE", "-CA", caPath, "-CAkey", at("ca-key.pem")],
    ...["-keyout", at("key.pem"), "-out", at("cert.pem")],
  );
  return {
    key: readFileSync(at("key.pem"), "utf8"),
    cert: readFileSync(at("cert.pem"), "utf8"),
    ca: readFileSync(caPath, "utf8"),
    caPath,
    caDir,
    certPath: at("cert.pem"),
    keyPath: at("key.pem"),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
