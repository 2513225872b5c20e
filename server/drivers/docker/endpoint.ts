/** One engine: where it listens, how it is spoken to, and its sockets, of which there are few. */
import { createHash } from "node:crypto";
import { lookup } from "node:dns";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { addressOf } from "../../domain/addresses";
import { isPrivateAddress } from "../../domain/git/repository-url";
import { DriverError } from "../contract";
import { type DockerHost, hostedProblem, readDockerHost } from "./docker-host-schema";
import type { DockerConfig } from "./schema";

export interface Endpoint {
  /** As it was written, for a person. */
  readonly address: string;
  readonly at: DockerHost;
  readonly isTls: boolean;
  /** For what is answered at once. */
  readonly calls: Agent;
  /** For what is answered piece by piece: a build, a pull, what a container prints. */
  readonly streams: Agent;
}

type Access = Pick<DockerConfig, "docker_host" | "tls">;

/** More to one engine wait for one another. */
const CALLS = 8;
const STREAMS = 64;
const REMEMBERED = 200;

/** The engines that are asked, so that all workers of one share its sockets. */
export class Endpoints {
  /** What was used last is last. */
  readonly #known = new Map<string, Endpoint>();

  constructor(
    private readonly isHosted: boolean,
    private readonly lookUp = lookup,
    private readonly own = addressesHere,
  ) {}

  /** @throws DriverError when nobody may or can be asked there */
  of({ docker_host, tls }: Access): Endpoint {
    const name = createHash("sha256").update(JSON.stringify([docker_host, tls ?? null]));
    const key = name.digest("base64");
    const endpoint =
      this.#known.get(key) ??
      openEndpoint({ docker_host, tls }, this.isHosted && this.#elsewhere());
    this.#known.delete(key);
    this.#known.set(key, endpoint);
    const [oldest] = this.#known.keys();
    // Whoever uses it goes on; it holds no socket that is not in use.
    if (oldest !== undefined && this.#known.size > REMEMBERED) this.#known.delete(oldest);
    return endpoint;
  }

  #elsewhere(): Elsewhere {
    const isHere = (address: string) => {
      const bytes = addressOf(address)?.join();
      return this.own().some((each) => addressOf(each)?.join() === bytes);
    };
    return {
      lookup: publicOnly(this.lookUp, isHere),
      problem: (at) =>
        hostedProblem(at) ??
        ("host" in at && isIP(at.host) !== 0 && isHere(at.host) ? OWN_NETWORK : null),
    };
  }
}

/** What strangers may have asked. */
interface Elsewhere {
  readonly lookup: LookupFunction;
  problem(at: DockerHost): string | null;
}

function openEndpoint({ docker_host: address, tls }: Access, hosted: Elsewhere | false): Endpoint {
  const at = readDockerHost(address);
  const problem = typeof at === "string" ? at : hosted ? hosted.problem(at) : null;
  if (typeof at === "string" || problem !== null) {
    throw new DriverError("bad-configuration", `docker_host ${address} ${problem}`);
  }
  // What is not kept open need not be closed: an engine that is asked no more costs nothing.
  const bounds = { keepAlive: false, ...(hosted && { lookup: hosted.lookup }) };
  const isTls = !("socketPath" in at) && (at.isTls || tls != null);
  const { ca, cert, key, verify = true } = tls ?? {};
  const servername = isTls && isIP(at.host) === 0 ? at.host : "";
  const secrets = { ca, cert, key, rejectUnauthorized: verify, servername };
  const agent = (maxSockets: number) =>
    isTls
      ? new TlsAgent({ ...bounds, ...secrets, maxSockets })
      : new Agent({ ...bounds, maxSockets });
  return { address, at, isTls, calls: agent(CALLS), streams: agent(STREAMS) };
}

/** Looked up once, so that nothing else is connected to than what was looked at. */
const publicOnly =
  (lookUp: typeof lookup, isHere: (address: string) => boolean): LookupFunction =>
  (host, options, callback) => {
    lookUp(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const [first] = addresses;
      const isRefused = addresses.some(
        ({ address }) => isPrivateAddress(address) || isHere(address),
      );
      if (!first || isRefused) {
        return callback(
          new DriverError("bad-configuration", `docker_host ${host} ${OWN_NETWORK}`),
          [],
        );
      }
      return options.all ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };

const OWN_NETWORK = "is in the server's own network, which this installation lends to nobody";

/** Public ones too: from here they lead past whatever guards this host from outside. */
function addressesHere(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.map(({ address }) => address);
}
