import type { ProbeStep } from "../../domain/workers/probe";
import { isLoopback } from "../../env";
import type { ApiContext } from "../context";
import { type DoorCertificate, doorCertificate } from "./certificate";
import { probeDoor } from "./door-probe";

const LAYER_TIMEOUT_MS = 3_000;

export interface Door {
  protocol: "pb" | "msgpack";
  port: number;
}

export interface Doors {
  /** Where workers are told to connect. */
  host: string;
  /** The address that the doors listen on. */
  bind: string;
  isThisHostOnly: boolean;
  /** Those that are open. */
  doors: Door[];
  /** null: the doors do not speak TLS. */
  certificate: DoorCertificate | null;
}

/** The doors as they are configured. */
export async function doorsOf({ runtime }: ApiContext): Promise<Doors> {
  const { advertise: host, bind, pbPort, msgpackPort, tls } = runtime.env.workers;
  return {
    host,
    bind,
    isThisHostOnly: isLoopback(bind),
    doors: [
      ...(pbPort === null ? [] : [{ protocol: "pb", port: pbPort } as const]),
      ...(msgpackPort === null ? [] : [{ protocol: "msgpack", port: msgpackPort } as const]),
    ],
    certificate: tls === null ? null : await doorCertificate(tls.certFile, host),
  };
}

export interface Probed extends Door {
  steps: ProbeStep[];
}

let running: Promise<Probed[]> | null = null;

/** Looks at the doors from this server, as a worker would. Who asks meanwhile gets the same answer. */
export function probeDoors(ctx: ApiContext): Promise<Probed[]> {
  running ??= probeAll(ctx).finally(() => {
    running = null;
  });
  return running;
}

async function probeAll(ctx: ApiContext): Promise<Probed[]> {
  const { host, doors, certificate } = await doorsOf(ctx);
  const fingerprint =
    certificate !== null && "facts" in certificate ? certificate.facts.fingerprint : null;
  const options = { timeoutMs: LAYER_TIMEOUT_MS, now: Date.now };
  return Promise.all(
    doors.map(async (door) => ({
      ...door,
      steps: await probeDoor({ ...door, host, isTls: certificate !== null, fingerprint }, options),
    })),
  );
}
