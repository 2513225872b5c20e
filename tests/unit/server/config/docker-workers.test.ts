// Guarantee: what is wrong with a DockerLatentWorker is said when it is configured, in its place;
// what is only known for a build, a template, is not.
import { expect, test } from "vitest";
import { checkConfig } from "../../../../server/config";

const check = (options: string, given = {}) =>
  checkConfig(`workers:\n  - {type: DockerLatentWorker, name: d, ${options}}\n`, given).errors.map(
    ({ line, path, message }) => `${line} ${path}: ${message}`,
  );
const HOST = 'docker_host: "tcp://build.example.org:2376"';

test("as Buildbot's manual has them they are accepted, templates and secrets too", () => {
  expect(
    check(`${HOST}, password: null, image: "w:%(prop:branch)s", volumes: ["%(prop:cache)s", "/a:/b:ro"],
    tls: {ca: "%(secret:ca)s"}, hostconfig: {network_mode: host, mem_limit: 2g}, build_wait_timeout: 600,
    followStartupLogs: true, masterFQDN: "ci.example.org:9989", master_protocol: msgpack_experimental_v7,
    command: [buildbot-worker, start, --nodaemon], autopull: true, target: "", buildargs: {A: "%(prop:a)s"}`),
  ).toEqual([]);
  expect(check(`${HOST}, dockerfile: {type: Property, key: dockerfile}`)).toEqual([]);
});

test.each([
  ["image: w", /^2 workers\[0\]\.docker_host: is missing/],
  [HOST, /^2 workers\[0\]: needs an image, or a dockerfile/],
  [`${HOST}, image: 5`, /workers\[0\]\.image: must be text/],
  [`${HOST}, image: w, volumes: [/data]`, /volumes\[0\]: has no colon/],
  [`${HOST}, image: w, master_protocol: grpc`, /master_protocol: must be pb or msgpack/],
  [`${HOST}, image: w, autopul: true`, /autopul: unknown key "autopul": did you mean "autopull"/],
  [`${HOST}, image: w, version: "%(prop:v)s"`, /version: must be a version/],
  [`${HOST}, image: w, hostconfig: {mem_limt: 5}`, /hostconfig\.mem_limt: is no setting/],
])("%s", (options, words) => {
  expect(check(options).join("\n")).toMatch(words);
});

test("a hosted installation lends neither its network nor its files", () => {
  const hosted = { isHosted: true };
  expect(check(`${HOST}, image: w`, hosted)).toEqual([]);
  for (const host of ["unix:///var/run/docker.sock", "tcp://10.0.0.7:2375", "tcp://docker:2375"]) {
    expect(check(`docker_host: "${host}", image: w`, hosted).join()).toMatch(
      /docker_host: is (on|in) the server's own .* lends to nobody/,
    );
  }
  expect(check(`${HOST}, dockerfile: c.tar, custom_context: true`, hosted).join()).toMatch(
    /custom_context: reads a file of the server's own host/,
  );
});
