/**
 * Whose certificates a worker believes when no `trustRoots` says so: those that this system does, as every
 * other program here, so that a company's own authority is installed in one place. `SSL_CERT_FILE` and
 * `SSL_CERT_DIR` take its place, as with OpenSSL.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../process/environment";

/** Debian and Alpine, Red Hat, SUSE, macOS. */
const BUNDLES = [
  ...["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"],
  ...["/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/cert.pem"],
];

/** PEM texts; null: this system says nothing, and Node's own list holds. */
export function trusted({ SSL_CERT_FILE: file, SSL_CERT_DIR: dir }: Environment): string[] | null {
  const told = [...(file ? [readFileSync(file, "utf8")] : []), ...(dir ? inDirectory(dir) : [])];
  if (told.length > 0) return told;
  const bundle = BUNDLES.find((path) => existsSync(path));
  return bundle === undefined ? null : [readFileSync(bundle, "utf8")];
}

/** Those in the `.pem` and `.crt` files of a directory. */
export function inDirectory(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /\.(pem|crt)$/.test(name));
  if (names.length === 0) throw new Error(`no .pem file in ${directory}`);
  return names.map((name) => readFileSync(join(directory, name), "utf8"));
}
