/** Certificates for an engine over TLS, by an authority of their own: made when needed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface DockerCertificates {
  /** Options with which dockerd lets in only whom the authority knows. */
  readonly args: readonly string[];
  /** Options of a worker, as its `tls` has them. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  remove(): void;
}

/** For an engine at `localhost`, and at no address beside. */
export function dockerCertificates(): DockerCertificates {
  const dir = mkdtempSync(join(tmpdir(), "docker-tls-"));
  const at = (name: string) => join(dir, name);
  const make = (name: string, ...args: readonly string[]) =>
    execFileSync(
      "/usr/bin/openssl",
      [
        ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...args],
        ...["-keyout", at(`${name}-key.pem`), "-out", at(`${name}.pem`)],
      ],
      { stdio: "pipe" },
    );
  const byAuthority = ["-CA", at("ca.pem"), "-CAkey", at("ca-key.pem")];
  const leaf = ["-addext", "basicConstraints=CA:FALSE", ...byAuthority];
  make("ca", "-subj", "/CN=Engines");
  const names = ["-addext", "subjectAltName=DNS:localhost"];
  make("server", "-subj", "/CN=localhost", ...names, ...leaf);
  const uses = ["-addext", "extendedKeyUsage=clientAuth"];
  make("client", "-subj", "/CN=Slipway", ...uses, ...leaf);
  const read = (name: string) => readFileSync(at(`${name}.pem`), "utf8");
  return {
    args: [
      ...["--tlsverify", "--tlscacert", at("ca.pem")],
      ...["--tlscert", at("server.pem"), "--tlskey", at("server-key.pem")],
    ],
    tls: { ca: read("ca"), cert: read("client"), key: read("client-key") },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
