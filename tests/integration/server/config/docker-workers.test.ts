// Guarantee: a DockerLatentWorker is activated with what is worth knowing said, and a key that
// is written out lies in the secret store before anything is stored.
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyConfig, checkConfig } from "../../../../server/config";
import { unseal } from "../../../../server/secrets/seal";
import { type Installation, KEY, openInstallation } from "../rest/support";

let server: Installation;
beforeAll(async () => {
  server = await openInstallation();
});
afterAll(() => server.close());

// In parts: the whole of it would look like a key.
const pem = (what: string) => `-----BEGIN ${what}-----\nMIIabc+/=\n-----END ${what}-----\n`;

test("warnings of its engine, keys in the store, 0 seconds of waiting", async () => {
  const orgId = await server.organization("docked", "workers: []");
  const checked = checkConfig(
    JSON.stringify({
      workers: [
        { type: "DockerLatentWorker", name: "near", docker_host: "unix:///run/d.sock", image: "w" },
        { type: "DockerLatentWorker", name: "open", docker_host: "tcp://build-3", image: "w" },
        {
          ...{ type: "DockerLatentWorker", name: "far", image: "w" },
          docker_host: "tcp://build-3:2376",
          tls: { ca: pem("CERTIFICATE"), cert: pem("CERTIFICATE"), key: pem("PRIVATE KEY") },
          build_wait_timeout: 30,
        },
      ],
      pools: [
        {
          name: "tide",
          worker: { type: "DockerLatentWorker", docker_host: "tcp://quay", image: "w" },
        },
      ],
    }),
  );
  const { documents } = checked;
  if (!documents) throw new Error(JSON.stringify(checked.errors));
  const { warnings } = await server.db.within({ orgId }, (tx) =>
    applyConfig(tx, orgId, documents, { author: "ada", sealingKey: KEY }),
  );
  expect(warnings.map(({ path, message }) => `${path.join(".")} ${message}`)).toEqual([
    "workers.0.docker_host is the server's own host: builds share its processors",
    "workers.1.docker_host is asked without tls: whoever reaches it controls its host",
    "pools.0.worker.docker_host is asked without tls: whoever reaches it controls its host",
  ]);
  const rows = await server.owner.rows<{ name: string; config: object; seconds: number }>(
    `select w.name, w.config, l.build_wait_seconds as seconds from worker w
     join latent_worker l on l.worker_id = w.id where w.org_id = $1 and w.pool_id is null order by w.name`,
    [orgId],
  );
  expect(rows.map(({ name, seconds }) => [name, seconds])).toEqual([
    ["far", 0],
    ["near", 0],
    ["open", 0],
  ]);
  expect(rows[0]?.config).toMatchObject({
    build_wait_timeout: 30,
    tls: { key: expect.stringMatching(/^%\(secret:.*key.*\)s$/) },
  });
  const secrets = await server.owner.rows<{ name: string; sealed: Buffer }>(
    "select name, sealed from secret where org_id = $1 order by name",
    [orgId],
  );
  expect(secrets.map(({ sealed }) => unseal(KEY, sealed).split("-----")[1])).toEqual([
    "BEGIN CERTIFICATE",
    "BEGIN CERTIFICATE",
    "BEGIN PRIVATE KEY",
  ]);
  const versions = await server.owner.rows(
    "select document, source from config_version where org_id = $1",
    [orgId],
  );
  expect(JSON.stringify(versions)).not.toContain("BEGIN ");
});
