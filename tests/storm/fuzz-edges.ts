/**
 * What machines on demand are told by others, each a little wrong: what an engine streams, what a
 * hypervisor says and what is said to it, what a machine that joins asks for, what stands in options. Each
 * edge takes it, or refuses it in its own way; anything else is a fault, and says which seed and round
 * make it again. What is taken is whole: no value that was put in became more than a value.
 */
import { checkConfig } from "../../server/config";
import { AppError } from "../../server/domain/errors";
import { DriverError } from "../../server/drivers/contract";
import { readDockerHost } from "../../server/drivers/docker/docker-host-schema";
import { EngineRefusal, NoEngine } from "../../server/drivers/docker/errors";
import { hostConfigOf } from "../../server/drivers/docker/host-config";
import { readLabels } from "../../server/drivers/docker/labels";
import { Lines, LogFrames } from "../../server/drivers/docker/log-frames";
import { followProgress } from "../../server/drivers/docker/progress";
import { dockerConfigSchema } from "../../server/drivers/docker/schema";
import { splitCommand } from "../../server/drivers/docker/split-command";
import { readVolume } from "../../server/drivers/docker/volume-schema";
import { fillIn, withIdentity } from "../../server/drivers/libvirt/domain-xml";
import { MARK, markElement, readMark } from "../../server/drivers/libvirt/mark";
import { uriProblem } from "../../server/drivers/libvirt/uri-schema";
import { masterAddress } from "../../server/fleet/latent/order";
import { joinByToken } from "../../server/rest/join-pool";
import { mutateBytes } from "../support/mutate-bytes";
import { type SeededRandom, seededRandom } from "../support/seeded-random";

interface Edge {
  /** What is right, to begin from. */
  readonly right: readonly (string | Buffer)[];
  /** Of the signs that mean something there. */
  readonly signs: string;
  /** Of so many rounds this edge has one, where a round of it is dear. */
  readonly every?: number;
  /** @returns whether it was taken. Throws for a fault only. */
  take(bytes: Buffer, random: SeededRandom): boolean | Promise<boolean>;
}

const TAG = { installation: "1nst4ll", organization: 1, worker: 2, generation: 3 };
const KEY = "bb-1nst4ll-main-vm-0011aabb-3";
const UUID = "3f1c1d5e-6a3b-8c2d-9e4f-aabbccddeeff";
const line = (value: object) => `${JSON.stringify(value)}\r\n`;

const frame = (text: string, stream = 1) => {
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

const DOMAIN = `<?xml version="1.0"?>
<!-- a machine -->
<domain type='qemu' xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <name>x</name><uuid>${UUID}</uuid><metadata><a:b xmlns:a="urn:a" c='&lt;'/></metadata>
  <memory unit="MiB">512</memory><description><![CDATA[<name>no</name>]]></description>
  <devices><disk type='file'><source file='{{hd_image}}'/></disk><serial path="{{ console }}"/></devices>
</domain>`;

/** Values that would be more than values, if anything let them. */
const WICKED = [
  ...["'/><disk type='block'>", '"><!--', "]]>", "{{password}}", "%(secret:x)s", "&lt;", "\u0000"],
  ...["-->", "<metadata/>", "plain", "ü\u{1f600}", "\\", "a\nb"],
];

/** In turn: whole, or in two or more pieces. */
async function* inPieces(bytes: Buffer, random: SeededRandom): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(random.below(3) === 0 ? 5 : bytes.length);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** It may refuse in these ways; everything else is a fault. */
async function taken(
  own: readonly (abstract new (...args: never[]) => Error)[],
  work: () => unknown,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (own.some((kind) => error instanceof kind)) return false;
    throw error;
  }
}

function must(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

class Admitted extends Error {}

/** Objects with one value of theirs in place of another. */
function twisted(value: unknown, random: SeededRandom): unknown {
  const values = [
    ...[null, true, -1, 0, 1e21, Number.MAX_SAFE_INTEGER, "", "x".repeat(300), "%(prop:x)s", "2g"],
    ...[
      [],
      {},
      [[]],
      { __proto__x: 1 },
      ["a:b"],
      { type: "Secret", name: "s" },
      "/a:/b:z",
      "\u0000",
    ],
  ];
  if (random.below(4) === 0 || typeof value !== "object" || value === null) {
    return values[random.below(values.length)];
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return values[random.below(values.length)];
  const at = random.below(entries.length);
  const changed = entries.map(([key, each], n) => [key, n === at ? twisted(each, random) : each]);
  return Array.isArray(value) ? changed.map(([, each]) => each) : Object.fromEntries(changed);
}

const OPTIONS = {
  docker_host: "tcp://build-3.example.org:2376",
  ...{ image: "registry.example.org:5000/a/b:c", command: ["run", "x y"], hostname: "h.example" },
  volumes: ["/srv/cache:/cache:ro,z", "named:/x"],
  hostconfig: {
    ...{
      mem_limit: "2g",
      shm_size: "64m",
      extra_hosts: { a: "10.0.0.1" },
      tmpfs: ["/run:size=1m"],
    },
    ...{ devices: ["/dev/kvm:/dev/kvm:rwm"], ulimits: [{ name: "nofile", soft: 1, hard: 2 }] },
    ...{
      port_bindings: { 80: 8080, "443/tcp": [{ HostPort: "1" }] },
      log_config: { type: "local" },
    },
    ...{ links: { a: "b" }, restart_policy: { name: "no" }, init: false, memswap_limit: -1 },
  },
  buildargs: { A: "b" },
  version: "1.41",
};

const POOLS = `pools:
  - name: linux
    worker: {type: DockerLatentWorker, docker_host: "tcp://h:2375", image: "a:%(prop:b)s", hostconfig: {mem_limit: 1g}}
    minIdle: 1
    maxWorkers: 20
    budget: {hours: 12.5, per: day}
    labels: [linux, big]
  - {name: joined, worker: {type: Worker}, maxWorkers: 5}
  - {name: vms, worker: {type: LibVirtWorker, hd_image: "/i/{{key}}", base_image: /i/base, xml: "<domain>{{hd_image}}</domain>"}}
projects: {p: {builders: [{name: b, labels: [linux], pools: [joined], factory: []}]}}
`;

export const EDGES: Readonly<Record<string, Edge>> = {
  "an engine's stream of JSON": {
    right: [
      line({ stream: "Step 1/2 : FROM tiny\n" }) + line({ aux: { ID: "sha256:00" } }),
      line({ status: "Pulling fs layer", progressDetail: {}, id: "a3ed95cae" }) +
        line({ status: "Downloading", progressDetail: { current: 1, total: 2 }, id: "a3ed95cae" }),
      line({ errorDetail: { message: "no space" }, error: "no space" }),
    ],
    signs: '{}[]":,\\\n\ru',
    take: (bytes, random) =>
      taken([EngineRefusal, NoEngine], () =>
        followProgress(inPieces(bytes, random), (said) =>
          must(said.length < 20_000, "a long line"),
        ),
      ),
  },
  "an engine's frames of a log": {
    right: [
      Buffer.concat([frame("one\ntwo"), frame("three\r\n", 2), frame("")]),
      Buffer.concat([frame("x".repeat(700)), frame("ü\n", 0)]),
    ],
    signs: "\u0000\u0001\u0002\n\r\u007f",
    take: (bytes, random) =>
      taken([RangeError], async () => {
        const [frames, lines] = [new LogFrames(), new Lines(100)];
        let out = 0;
        for await (const piece of inPieces(bytes, random)) {
          const text = frames.push(piece);
          out += text.length;
          for (const each of lines.push(text)) {
            must(each.length <= 100 && !each.includes("\n"), "a line");
          }
        }
        must(out <= bytes.length, "more came out than went in");
      }),
  },
  "the definition of a domain": {
    right: [DOMAIN, "<domain><name>a</name></domain>", "<domain>\n<metadata/>\n</domain>"],
    signs: "<>/!?='\"&{}[]- ",
    take: (bytes, random) =>
      taken([DriverError], () => {
        const xml = bytes.toString("utf8");
        const value = WICKED[random.below(WICKED.length)] as string;
        const filled = fillIn(xml, { hd_image: value, console: value, name: value });
        // However it is filled in, it has the elements that it had before.
        const named = (text: string) => text.split("<").length;
        must(named(filled) === named(xml), "a value that is an element");
        const mark = { domain: UUID, key: KEY, tag: TAG };
        const identity = { name: KEY, uuid: UUID, metadata: [markElement(mark, MARK.uri)] };
        const made = withIdentity(filled, identity);
        must(
          made.includes(`<name>${KEY}</name>`) && made.includes(MARK.uri),
          "without its identity",
        );
        // Done once more it says so again: nothing of it is taken for something else.
        withIdentity(made, identity);
      }),
  },
  "the mark of a domain": {
    right: [markElement({ domain: UUID, key: KEY, tag: TAG })],
    signs: "<>/='\" ",
    take: (bytes) => readMark(bytes.toString("utf8")) !== null,
  },
  "the labels of a container": {
    right: [
      JSON.stringify({
        ...{ "slipway.key": KEY, "slipway.installation": "1nst4ll", "slipway.organization": "1" },
        ...{ "slipway.worker": "2", "slipway.generation": "3" },
      }),
    ],
    signs: '{}":,.0-e',
    take(bytes) {
      let labels: unknown;
      try {
        labels = JSON.parse(bytes.toString("utf8"));
      } catch {
        return false;
      }
      if (typeof labels !== "object" || labels === null) return false;
      return readLabels(labels as Record<string, string>) !== null;
    },
  },
  "addresses, volumes and commands": {
    right: [
      ...["tcp://10.0.0.1:2375", "unix:///var/run/docker.sock", "https://[::1]:2376", "ssh://h"],
      ...[
        "/a:/b:ro,Z",
        "name:/c",
        "qemu+ssh://u@h:22/system?no_tty=1&keyfile=/k",
        "test:///default",
      ],
      ...[`run "a b" 'c' d\\ e`, "[::1]:9989", "build.example.org:80"],
    ],
    signs: ":/?#&;=%@[]\"'\\, -.",
    take(bytes) {
      const text = bytes.toString("utf8");
      const host = readDockerHost(text);
      if (typeof host !== "string") {
        if ("socketPath" in host) must(host.socketPath.startsWith("/"), "a socket without a path");
        else must(host.host !== "" && host.port >= 0 && host.port < 65_536, `${text}: an address`);
      }
      const volume = readVolume(text);
      if (typeof volume !== "string") {
        must(!volume.source.includes(":") && !volume.source.split("/").includes(".."), "a volume");
      }
      const uri = uriProblem(text);
      if (uri === null) {
        const query = text.slice(text.indexOf("?") + 1 || text.length);
        const names = query.split(/[&;]/).map((each) => each.split("=", 1)[0] ?? "");
        must(!names.some((name) => name.includes("%")), "a hidden name");
      }
      must(splitCommand(text).join("").length <= text.length, "a command that grew");
      const doors = { host: "h", ports: { pb: 1, msgpack: 2 } };
      const { host: master, port } = masterAddress(doors, { masterFQDN: text });
      must(master !== "" && !Number.isNaN(port), "no door");
      return typeof host !== "string" || typeof volume !== "string" || uri === null;
    },
  },
  "options of a container": {
    right: [JSON.stringify(OPTIONS)],
    signs: '{}[]":,',
    async take(_, random) {
      let value: unknown = OPTIONS;
      for (let n = random.below(4); n >= 0; n -= 1) value = twisted(value, random);
      const options = dockerConfigSchema.safeParse(value);
      if (!options.success) return false;
      return taken([DriverError], () => JSON.stringify(hostConfigOf(options.data)));
    },
  },
  "what a machine that joins asks for": {
    right: ["{}", '{"number": 3, "protocol": "pb"}', '{"number": null}'],
    signs: '{}":,0-9.e',
    take(bytes) {
      let body: unknown;
      try {
        body = JSON.parse(bytes.toString("utf8"));
      } catch {
        return false;
      }
      const env = {
        ...{ secretKey: "k".repeat(43), isHosted: false },
        workers: { advertise: "h", pbPort: 1, msgpackPort: null },
      } as unknown as Parameters<typeof joinByToken>[0];
      // Beyond this point it has been read.
      const within = () => Promise.reject(new Admitted());
      const admission = { orgId: 1, within } as unknown as Parameters<typeof joinByToken>[1];
      return taken([AppError], () =>
        joinByToken(env, admission, "linux", body, null).catch((error: unknown) => {
          if (!(error instanceof Admitted)) throw error;
        }),
      );
    },
  },
  "a document of pools": {
    right: [POOLS],
    signs: "{}[]:,-\"'%&*!|> \n#",
    every: 20,
    take: (bytes) => checkConfig(bytes.toString("utf8")).errors.length === 0,
  },
};

export interface EdgeReport {
  readonly rounds: number;
  readonly taken: number;
  readonly refused: number;
  readonly seconds: number;
}

export async function fuzzEdge(name: string, rounds: number, seed: number): Promise<EdgeReport> {
  const { right, signs, every = 1, take } = EDGES[name] as Edge;
  const random = seededRandom(seed);
  const originals = right.map((each) => Buffer.from(each as string));
  const outcomes = { taken: 0, refused: 0 };
  const from = performance.now();
  const all = Math.ceil(rounds / every);
  for (let round = 0; round < all; round += 1) {
    const original = originals[random.below(originals.length)] as Buffer;
    const sign = () => signs.charCodeAt(random.below(signs.length));
    const bytes = round === 0 ? original : Buffer.from(mutateBytes(original, random, sign));
    try {
      outcomes[(await take(bytes, random)) ? "taken" : "refused"] += 1;
    } catch (error) {
      const shown = JSON.stringify(bytes.toString("latin1"));
      throw new Error(`seed ${seed}, round ${round}: ${shown}`, { cause: error });
    }
  }
  return { rounds: all, ...outcomes, seconds: (performance.now() - from) / 1_000 };
}
