/** On a request of ours to the msgpack door, which only looks whether it is open. */
export const PROBE_HEADER = "x-slipway-probe";

/** From the outside in, as `DOOR_LAYERS`: what is tried before a name is said. */
export const PROBE_LAYERS = ["address", "network", "tls", "protocol"] as const;
export type ProbeLayer = (typeof PROBE_LAYERS)[number];

export interface ProbeStep {
  readonly layer: ProbeLayer;
  readonly isPassed: boolean;
  /** What was seen, in a sentence. */
  readonly says: string;
  /** What to do; null: nothing, it is as it should be. */
  readonly advice: string | null;
}
