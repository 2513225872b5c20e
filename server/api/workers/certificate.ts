/** What the doors' certificate says of itself, and whether it fits where workers are sent. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";

export interface CertificateFacts {
  subject: string;
  issuer: string;
  /** Host names and addresses it was made for. */
  names: string[];
  /** Milliseconds since the epoch. */
  validFrom: number;
  validTo: number;
  /** Whether it was made for the host that workers connect to. */
  fitsHost: boolean;
  fingerprint: string;
}

export type DoorCertificate =
  | { readonly facts: CertificateFacts }
  /** Why nothing is known of it. */
  | { readonly problem: string };

/** Never rejects. */
export async function doorCertificate(certFile: string, host: string): Promise<DoorCertificate> {
  try {
    return { facts: certificateFacts(await readFile(certFile), host) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isFile = code === "ENOENT" || code === "EACCES";
    return {
      problem: isFile
        ? `its file cannot be read by the process that serves pages (${code})`
        : `its file holds no certificate: ${message}`,
    };
  }
}

/** @throws Error for what is no certificate, PEM or DER */
export function certificateFacts(certificate: Buffer | string, host: string): CertificateFacts {
  const made = new X509Certificate(certificate);
  return {
    subject: oneLine(made.subject),
    issuer: oneLine(made.issuer),
    names: (made.subjectAltName ?? "")
      .split(", ")
      .map((name) => name.replace(/^(DNS|IP Address):/, ""))
      .filter((name) => name !== ""),
    validFrom: Date.parse(made.validFrom),
    validTo: Date.parse(made.validTo),
    fitsHost: (isIP(host) ? made.checkIP(host) : made.checkHost(host)) !== undefined,
    fingerprint: made.fingerprint256,
  };
}

const oneLine = (name: string): string => name.split("\n").join(", ");
