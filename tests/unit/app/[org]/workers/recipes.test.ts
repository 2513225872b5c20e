// Guarantee: the lines that a page offers for connecting a worker are what a shell, Docker, systemd
// and Kubernetes take as they stand, with this installation's address, TLS and authority in them.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import {
  createLine,
  type Place,
  type Program,
  type Protocol,
  recipe,
  type Wanted,
} from "../../../../../app/[org]/workers/recipes";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";

function wanted(more: Partial<Wanted["connection"]> = {}, rest: Partial<Wanted> = {}): Wanted {
  const connection = {
    loginName: "linux-1",
    host: "ci.example.org",
    pbPort: 9989,
    msgpackPort: 9990,
    isThisHostOnly: false,
    tls: null,
    ...more,
  };
  const given = { password: "w123", program: "buildbot-worker", protocol: "pb" } as const;
  return { connection, ...given, ...rest };
}

const isShell = (text: string) => spawnSync("sh", ["-n"], { input: text }).status === 0;

describe("create-worker", () => {
  it.each([
    ["plain", wanted(), "buildbot-worker create-worker linux-1 ci.example.org:9989 linux-1 w123"],
    [
      "msgpack",
      wanted({}, { protocol: "msgpack" }),
      "buildbot-worker create-worker --protocol=msgpack_experimental_v7 linux-1 ci.example.org:9990 linux-1 w123",
    ],
    [
      "a public authority",
      wanted({ tls: { isPublic: true, pem: null } }),
      "buildbot-worker create-worker --use-tls linux-1 ci.example.org:9989 linux-1 w123",
    ],
    [
      "an authority of one's own",
      wanted({ tls: { isPublic: false, pem: PEM } }, { program: "slipway-worker" }),
      'npx slipway-worker create-worker --connection-string="TLS:ci.example.org:9989:trustRoots=$HOME/slipway-ca" linux-1 ci.example.org:9989 linux-1 w123',
    ],
    [
      "an address of the sixth version, the name of a second organisation, no password any more",
      wanted({ host: "2001:db8::1", loginName: "yard/linux-1" }, { password: null }),
      "buildbot-worker create-worker linux-1 '[2001:db8::1]:9989' yard/linux-1 PASSWORD",
    ],
    [
      "a name that a shell would read",
      wanted({ loginName: "Größe" }),
      "buildbot-worker create-worker linux-1 ci.example.org:9989 'Größe' w123",
    ],
  ])("for %s", (_, facts, line) => {
    expect(createLine(facts, "linux-1")).toBe(line);
  });
});

const EVERY: [Place, Program, Protocol, Wanted["connection"]["tls"]][] = [];
for (const place of ["shell", "docker", "systemd", "kubernetes"] as const)
  for (const program of ["buildbot-worker", "slipway-worker"] as const)
    for (const protocol of ["pb", "msgpack"] as const)
      for (const tls of [null, { isPublic: true, pem: null }, { isPublic: false, pem: PEM }])
        EVERY.push([place, program, protocol, tls]);

it.each(EVERY)("a recipe for %s with %s over %s", (place, program, protocol, tls) => {
  for (const isThisHostOnly of [true, false]) {
    const facts = wanted({ tls, isThisHostOnly }, { program, protocol });
    const pieces = recipe(place, facts);
    expect(pieces.map(({ text }) => text).join("\n")).toContain("w123");
    for (const { file, text } of pieces) {
      if (file === undefined) expect(isShell(text), text).toBe(true);
      if (!file?.endsWith(".yaml")) continue;
      const [secret, deployment] = parseAllDocuments(text).map((one) => one.toJS());
      expect(secret.stringData.WORKERPASS).toBe("w123");
      expect(deployment.spec.template.spec.securityContext.runAsNonRoot).toBe(true);
    }
  }
});
