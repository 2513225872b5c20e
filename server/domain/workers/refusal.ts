/**
 * How far a connection at a workers' door came, and what to do about it: one sentence and one piece
 * of advice for each way to fail, by the layer that failed. The doors say the reason, pages show this.
 */

/** From the outside in: what lies before the failing layer worked. */
export const DOOR_LAYERS = [
  { id: "network", title: "A connection to the door", word: "connection" },
  { id: "tls", title: "TLS, where the door speaks it", word: "TLS" },
  { id: "protocol", title: "The protocol", word: "protocol" },
  { id: "name", title: "The login name", word: "name" },
  { id: "password", title: "The password", word: "password" },
  { id: "place", title: "Being let in", word: "admission" },
] as const;
export type DoorLayer = (typeof DOOR_LAYERS)[number]["id"];

export interface Refusal {
  readonly layer: DoorLayer;
  readonly says: string;
  readonly advice: string;
}

export const REFUSALS = {
  "too-many-connections": {
    layer: "network",
    says: "Too many connections from this address had not logged in.",
    advice:
      "Wait half a minute. If it comes again, a program there connects over and over: a worker with a wrong password, or a port check.",
  },
  "too-many-failures": {
    layer: "network",
    says: "Too many logins from this address had failed, and the next ones were not looked at.",
    advice:
      "A program there tries names or passwords over and over: find it by the refusals before this one. Whoever is right gets in again within a minute.",
  },
  left: {
    layer: "protocol",
    says: "It connected and went away without a word.",
    advice:
      "The network is fine. A port check does this, and so does a worker that was stopped; start the worker and look again.",
  },
  silent: {
    layer: "protocol",
    says: "It connected and says nothing.",
    advice:
      "It waits for the other side to speak first: a worker with the wrong protocol or port for this door, or one without TLS where TLS is spoken. Compare its command with the one on this page.",
  },
  timeout: {
    layer: "protocol",
    says: "It connected and did not log in within half a minute.",
    advice:
      "Look at the worker's own log (twistd.log in its directory), and at proxies in between.",
  },
  "tls-at-plain-door": {
    layer: "tls",
    says: "It spoke TLS, and this door does not.",
    advice:
      "Make the worker again without --use-tls and without a TLS: connection string, or give this installation a certificate with SLIPWAY_TLS_CERT and SLIPWAY_TLS_KEY.",
  },
  "plain-at-tls-door": {
    layer: "tls",
    says: "It spoke without TLS, and this door wants TLS.",
    advice: "Make the worker again with the TLS options of the command on this page.",
  },
  "untrusted-certificate": {
    layer: "tls",
    says: "It does not accept the certificate of this installation.",
    advice:
      "Give the worker the certificate authority (trustRoots in its connection string), and connect it by a host name that stands in the certificate.",
  },
  "proxy-header": {
    layer: "protocol",
    says: "A load balancer's PROXY header could not be used.",
    advice:
      "Let the load balancer send a whole header of version 1 or 2 first of all, and list its address in SLIPWAY_TRUSTED_PROXY.",
  },
  "msgpack-at-pb-door": {
    layer: "protocol",
    says: "It spoke msgpack over WebSocket to the door for Perspective Broker.",
    advice: "Use the port of the msgpack door, or make the worker again with --protocol=pb.",
  },
  "pb-at-msgpack-door": {
    layer: "protocol",
    says: "It spoke Perspective Broker to the door for msgpack.",
    advice:
      "Use the port of the Perspective Broker door, or make the worker again with --protocol=msgpack_experimental_v7.",
  },
  http: {
    layer: "protocol",
    says: "It spoke HTTP: a browser, a health check or a proxy, not a worker.",
    advice: "This port is for workers. People and programs use the web address.",
  },
  malformed: {
    layer: "protocol",
    says: "What it sent is not what a worker sends.",
    advice:
      "Something else connects to this port, or something in between changes what passes. The detail says where it stopped.",
  },
  "unknown-name": {
    layer: "name",
    says: "No worker logs in by this name.",
    advice: "Compare the name in the worker's command with the one on this page, letter by letter.",
  },
  "address-not-allowed": {
    layer: "name",
    says: "The name is right, and may not be used from this address.",
    advice:
      "Compare the address with the worker's allowed_addresses. Behind a load balancer it is the balancer's, unless that sends a PROXY header and is listed in SLIPWAY_TRUSTED_PROXY.",
  },
  "wrong-password": {
    layer: "password",
    says: "The name is right, the password is not.",
    advice:
      "Make a new password here, and make the worker again with it: create-worker keeps the old settings in a directory that exists, so remove its buildbot.tac first.",
  },
  "not-admitted": {
    layer: "place",
    says: "Name and password are right, and it was turned away all the same.",
    advice:
      "The detail says why. “Already connected” means that another program with this name and password runs: stop one, give each a name of its own, or let them join a pool.",
  },
} as const satisfies Record<string, Refusal>;

export type RefusalReason = keyof typeof REFUSALS;

/** The sentence and the advice; a reason of a newer process is shown by its own word. */
export function refusalOf(reason: string): Refusal {
  const known: Readonly<Record<string, Refusal>> = REFUSALS;
  return known[reason] ?? { layer: "protocol", says: reason, advice: "" };
}
