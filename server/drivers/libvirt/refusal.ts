/** What virsh and qemu-img say, in the five words of the seam. */
import type { DriverErrorCode } from "../../domain/latent";
import { DriverError } from "../contract";

/** The first that fits decides: what is full or cut off says so beside much else. */
const WORDS: readonly (readonly [RegExp, DriverErrorCode])[] = [
  [/Disk quota exceeded/i, "quota"],
  [/cannot allocate memory|cannot set up guest memory|no space left on device/i, "no-capacity"],
  [/failed to get (shared )?"?\w+"? lock|state change lock|already in use/i, "no-capacity"],
  [
    /permission denied|authentication (failed|unavailable|cancelled)|access denied|polkit/i,
    "bad-configuration",
  ],
  [/host key verification failed|certificate|tls handshake/i, "bad-configuration"],
  [
    /no connection driver|unable to parse uri|not supported by the connection driver/i,
    "bad-configuration",
  ],
  [
    /failed to connect to the hypervisor|disconnected from|end of file while reading/i,
    "provider-down",
  ],
  [
    /cannot (recv|send|read|write) data|unable to connect|client socket is closed/i,
    "provider-down",
  ],
  [/connection (refused|reset|closed)|broken pipe|no route to host|timed out/i, "provider-down"],
  [
    /xml error|domain_definition|unsupported|not supported|invalid|missing|not found/i,
    "bad-configuration",
  ],
  [/no such file|cannot access|could not open|is not active|no network with/i, "bad-configuration"],
  [/cannot find|unable to find|could not find|is not readable|kvm/i, "bad-configuration"],
];

const MOST_WORDS = 2_000;
/** Longer ones are somebody's who wants us to read for ever. */
const MOST_READ = 20_000;

/** @param secrets what must not be repeated, whoever printed it */
export function refusal(said: string, secrets: readonly string[] = []): DriverError {
  const begin = said.slice(0, MOST_READ);
  const code = WORDS.find(([words]) => words.test(begin))?.[1] ?? "provider-down";
  return new DriverError(code, hide(said, secrets).slice(0, MOST_WORDS));
}

export function hide(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== "")
    .reduce((shown, secret) => shown.replaceAll(secret, "•••"), text);
}

/** A folder or a file of this host could not be used. */
export function fileRefusal(error: unknown, path: string): DriverError {
  const code = (error as { code?: unknown }).code;
  const message = `${path}: ${error instanceof Error ? error.message : String(error)}`;
  if (code === "ENOSPC") return new DriverError("no-capacity", message);
  if (code === "EDQUOT") return new DriverError("quota", message);
  const isOurs = ["EACCES", "EPERM", "ENOENT", "ENOTDIR", "EROFS", "EISDIR"].includes(String(code));
  return new DriverError(isOurs ? "bad-configuration" : "provider-down", message);
}
