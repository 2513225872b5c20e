// Guarantee: options of a DockerLatentWorker are read as Buildbot's documents have them, and what is
// wrong with one is said where it stands.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type DockerHost,
  hostedProblem,
  readDockerHost,
} from "../../../../../server/drivers/docker/docker-host-schema";
import {
  dockerConfigSchema,
  dockerLatentOptions,
  dockerWarnings,
} from "../../../../../server/drivers/docker/schema";
import { readVolume } from "../../../../../server/drivers/docker/volume-schema";

const HOST = "unix:///var/run/docker.sock";
const problems = (options: object) =>
  (
    dockerConfigSchema.safeParse({ docker_host: HOST, image: "w", ...options }).error?.issues ?? []
  ).map(({ path, message }) => `${path.join(".")}: ${message}`);

describe("options", () => {
  test("what is left out is as Buildbot has it", () => {
    expect(dockerConfigSchema.parse({ docker_host: HOST, image: "worker" })).toEqual({
      ...{ docker_host: HOST, image: "worker", command: [], volumes: [], hostconfig: {} },
      ...{ followStartupLogs: false, autopull: false, alwaysPull: false, custom_context: false },
      target: "",
    });
  });

  test("neither image nor dockerfile is an error; target is none (W-150)", () => {
    expect(problems({ image: undefined })).toEqual([expect.stringContaining("needs an image")]);
    expect(problems({ image: null, dockerfile: "FROM a\n", target: "x" })).toEqual([]);
  });

  test.each([
    [{ image: 5 }, /^image:/],
    [{ image: "a b" }, /^image: must not have spaces/],
    [{ volumes: ["/data"] }, /^volumes\.0: has no colon/],
    [{ volumes: "a:/b" }, /^volumes: must be a list/],
    [{ volumes: ["a:/b:rx"] }, /^volumes\.0: has the mode "rx"/],
    [{ volumes: ["/srv/cache/../../etc:/c"] }, /^volumes\.0: must not have \.\. in its source/],
    [{ volumes: ["/srv/..cache/a..b:/c", "../x:/y"] }, /^volumes\.1: must not have \.\./],
    [{ master_protocol: "grpc" }, /^master_protocol: must be pb or msgpack_experimental_v7/],
    [{ version: "latest" }, /^version: /],
    [{ hostconfig: { memory_limit: 5 } }, /^hostconfig\.memory_limit: is no setting/],
    [{ hostconfig: { NETWORKMODE: "host" } }, /did you mean network_mode|NetworkMode/],
    [{ hostconfig: [] }, /^hostconfig: must be a map/],
    [{ buildargs: { A: 5 } }, /^buildargs\.A: must be a text/],
    [{ tls: { cert: "-----BEGIN CERTIFICATE-----" } }, /^tls: cert and key go together/],
    [{ tls: { ca: "ca.pem" } }, /^tls\.ca: must be the certificate of an authority in PEM/],
    [{ hostname: "-x" }, /^hostname: /],
    [{ encoding: "zip" }, /^encoding: /],
    [{ docker_host: "docker" }, /^docker_host: is not the address/],
  ])("%j", (options, words) => {
    expect(problems(options)).toEqual([expect.stringMatching(words)]);
  });

  test("templates and secrets are looked at when they are known", () => {
    const options = {
      docker_host: "tcp://%(prop:host)s:2375",
      image: "worker:%(prop:branch)s",
      volumes: ["%(prop:volume)s"],
      tls: { ca: "%(secret:docker-ca)s", cert: "%(secret:c)s", key: "%(secret:k)s" },
    };
    expect(z.object(dockerLatentOptions).safeParse(options).success).toBe(true);
  });

  test("what a property holds is no template, whatever it looks like", () => {
    expect(
      problems({
        docker_host: "ssh://%(prop:x)s",
        image: "worker %(prop:x)s",
        hostname: "a_%(prop:x)s",
        volumes: ["cache:/cache", "/srv:/%(prop:x)s:exec", "/srv/../etc%(prop:x)s:/etc"],
      }),
    ).toEqual([
      expect.stringMatching(/^docker_host: ssh:\/\/ is not supported/),
      "image: must not have spaces or control characters",
      "hostname: is not a host's name",
      expect.stringMatching(/^volumes\.1: has the mode "exec"/),
      "volumes.2: must not have .. in its source",
    ]);
  });

  test("every option says what it is, and which are secrets", () => {
    for (const [name, schema] of Object.entries(dockerLatentOptions)) {
      expect([name, schema.meta()?.description]).toEqual([name, expect.stringMatching(/\.$/)]);
    }
  });

  test("the server's own host and an engine without TLS are worth a warning", () => {
    const warnings = (options: Record<string, unknown>) =>
      dockerWarnings(options).map(({ message }) => message);
    expect(warnings({ docker_host: HOST })).toEqual([
      expect.stringContaining("share its processors"),
    ]);
    expect(warnings({ docker_host: "tcp://build-3:2375" })).toEqual([
      expect.stringContaining("without tls"),
    ]);
    expect(warnings({ docker_host: "tcp://localhost:2375" })).toHaveLength(2);
    expect(warnings({ docker_host: "tcp://build-3:2376", tls: {} })).toEqual([]);
    expect(warnings({ docker_host: "https://build-3" })).toEqual([]);
    expect(warnings({ docker_host: "tcp://%(prop:host)s:2376" })).toEqual([
      expect.stringContaining("whoever chooses it for a build"),
    ]);
  });
});

describe("docker_host", () => {
  test.each<[string, DockerHost]>([
    ["unix:///var/run/docker.sock", { socketPath: "/var/run/docker.sock" }],
    ["unix:///run/user/1000/docker.sock", { socketPath: "/run/user/1000/docker.sock" }],
    // As Docker's Python client, and so Buildbot, takes them.
    ["unix://var/run/docker.sock", { socketPath: "/var/run/docker.sock" }],
    ["http+unix://%2Fvar%2Frun%2Fdocker.sock", { socketPath: "/var/run/docker.sock" }],
    ["tcp://build-3:2375", { host: "build-3", port: 2375, isTls: false }],
    ["tcp://build-3", { host: "build-3", port: 2375, isTls: false }],
    ["tcp://build-3:80/", { host: "build-3", port: 80, isTls: false }],
    ["https://build-3", { host: "build-3", port: 2376, isTls: true }],
    ["https://build-3:443", { host: "build-3", port: 443, isTls: true }],
    ["tcp://[2001:db8::7]:2375", { host: "2001:db8::7", port: 2375, isTls: false }],
  ])("%s", (text, read) => {
    expect(readDockerHost(text)).toEqual(read);
  });

  test.each([
    ["unix://docker.sock", /path of a socket/],
    ["unix:///", /path of a socket/],
    ["unix:///run/docker/", /path of a socket/],
    ["ssh://me@build-3", /ssh:\/\/ is not supported.*ssh -L/],
    ["npipe:////./pipe/docker_engine", /npipe:\/\/ is not supported/],
    ["fd://", /fd:\/\/ is not supported/],
    ["tcp://me:secret@build-3:2375", /must not hold a password/],
    ["tcp://build-3:2375/v1.41", /something behind its port/],
    ["tcp://:2375", /is not the address/],
    ["tcp://a b", /spaces/],
    ["build-3:2375", /is not the address/],
  ])("%s is none", (text, words) => {
    expect(readDockerHost(text)).toMatch(words);
  });

  test("where strangers may point it", () => {
    const of = (text: string) => hostedProblem(readDockerHost(text) as DockerHost);
    expect(of("tcp://build.example.org:2376")).toBeNull();
    expect(of("tcp://93.184.216.34:2376")).toBeNull();
    expect(of("tcp://169.254.169.254:80")).toMatch(/lends to nobody/);
    expect(of(HOST)).toMatch(/lends to nobody/);
  });
});

describe("volumes", () => {
  test.each([
    ["/a:/b", { source: "/a", target: "/b", modes: [] }],
    ["cache:/b:ro", { source: "cache", target: "/b", modes: ["ro"] }],
    ["/a:/b:rw,Z", { source: "/a", target: "/b", modes: ["rw", "Z"] }],
    ["/a:/b:c:z", { source: "/a", target: "/b:c", modes: ["z"] }],
  ])("%s", (text, read) => {
    expect(readVolume(text)).toEqual(read);
  });

  test.each([
    ["/a", /no colon/],
    [":/b", /no source/],
    ["/a:b", /begins with \//],
    ["/a:/b:ro,rw", /do not go together/],
    ["/a:/b:", /mode ""/],
  ])("%s is none", (text, words) => {
    expect(readVolume(text)).toMatch(words);
  });
});
