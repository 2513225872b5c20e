/** Who signed the doors' certificate: what a worker must be given so that it trusts us. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";

export interface Authority {
  /** Every machine trusts it already. */
  isPublic: boolean;
  /** Its own certificate in PEM, when it lies in the file of the doors' certificate. */
  pem: string | null;
}

const UNKNOWN: Authority = { isPublic: false, pem: null };
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Never rejects: a file that cannot be read here may well be readable where the doors are. */
export async function authorityOf(certFile: string): Promise<Authority> {
  try {
    return authorityIn(await readFile(certFile, "utf8"));
  } catch {
    return UNKNOWN;
  }
}

/** @throws Error for text that is no certificate */
export function authorityIn(chain: string): Authority {
  const certificates = (chain.match(BLOCK) ?? []).map((pem) => new X509Certificate(pem));
  const last = certificates.at(-1);
  if (last === undefined) return UNKNOWN;
  const isRoot = last.checkIssued(last);
  const isPublic = rootCertificates.some((pem) => {
    const root = new X509Certificate(pem);
    return isRoot ? root.fingerprint256 === last.fingerprint256 : last.checkIssued(root);
  });
  return { isPublic, pem: isRoot && !isPublic ? last.toString().trim() : null };
}
