/** A self-signed certificate for `localhost`, made when it is needed: a stored one would expire. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
  /** The certificate as a file, for programs that trust what a file holds. */
  readonly certPath: string;
  remove(): void;
}

/** Whether certificates can be made here; says why not. */
export function hasOpenssl(): boolean {
  const isThere = existsSync("/usr/bin/openssl");
  if (!isThere) console.warn("skipped: /usr/bin/openssl is not installed");
  return isThere;
}

export function testCertificate(): TestCertificate {
  const dir = mkdtempSync(join(tmpdir(), "certificate-"));
  const [keyPath, certPath] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  const request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost";
  const name = ["-addext", "subjectAltName=DNS:localhost"];
  execFileSync(
    "/usr/bin/openssl",
    [...request.split(" "), ...name, "-keyout", keyPath, "-out", certPath],
    { stdio: "pipe" },
  );
  return {
    key: readFileSync(keyPath, "utf8"),
    cert: readFileSync(certPath, "utf8"),
    certPath,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
