// Guarantee: the lines by which machines join a pool are what a shell, systemd, Compose and Kubernetes take as
// they stand; each machine gets its own name, asks for no more builds before it goes, and keeps no token.
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { type Joining, joinRecipe } from "../../../../../app/[org]/pools/join-recipes";

const joining = (more: Partial<Joining> = {}, doors: Partial<Joining["doors"]> = {}): Joining => ({
  ...{ pool: "deploy", url: "https://ci.example.org/main", token: "slw_abc" },
  ...{ program: "buildbot-worker", protocol: "pb" },
  doors: {
    ...{ host: "ci.example.org", pbPort: 9989, msgpackPort: 9990 },
    ...{ isThisHostOnly: false, tls: null, ...doors },
  },
  ...more,
});
const isShell = (text: string) => spawnSync("sh", ["-n"], { input: text }).status === 0;
const textOf = (place: Parameters<typeof joinRecipe>[0], of: Joining, file?: string) =>
  joinRecipe(place, of)
    .filter((piece) => (file === undefined ? !piece.file : piece.file === file))
    .map(({ text }) => text)
    .join("\n");

it("a shell asks, makes the worker with what it was told, and starts it", () => {
  const pieces = joinRecipe("shell", joining());
  expect(pieces.at(-1)?.text).toBe(
    `answer=$(curl -fsS -X POST -H "Authorization: Bearer slw_abc" -d '{}' 'https://ci.example.org/main/api/v2/pools/deploy/join?format=env') && eval "$answer" && \\
buildbot-worker create-worker --allow-shutdown=signal "\${WORKERNAME##*/}" ci.example.org:9989 "$WORKERNAME" "$WORKERPASS" && \\
buildbot-worker start "\${WORKERNAME##*/}"`,
  );
});

it("another program, protocol, an address of the sixth version, an authority of one's own", () => {
  const tls = {
    isPublic: false,
    pem: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
  };
  const ours = textOf(
    "shell",
    joining({ program: "slipway-worker" }, { host: "2001:db8::1", tls }),
  );
  expect(ours).toContain("npx slipway-worker create-worker");
  expect(ours).toContain("'[2001:db8::1]:9989'");
  expect(ours).toContain("trustRoots=$HOME/slipway-ca");
  expect(ours).toContain("<<'PEM'");
  const other = textOf("shell", joining({ protocol: "msgpack" }));
  expect(other).toContain(`-d '{"protocol": "msgpack_experimental_v7"}'`);
  expect(other).toContain("--protocol=msgpack_experimental_v7");
  expect(other).toContain("ci.example.org:9990");
});

it.each(["pb", "msgpack"] as const)("all of it is a shell's, over %s", (protocol) => {
  for (const tls of [null, { isPublic: true, pem: null }, { isPublic: false, pem: null }]) {
    const of = joining({ protocol }, { tls });
    expect(isShell(textOf("shell", of))).toBe(true);
    expect(isShell(textOf("shell", { ...of, program: "slipway-worker" }))).toBe(true);
    const systemd = textOf("systemd", of);
    expect(isShell(systemd)).toBe(true);
    expect(isShell(/<<'SCRIPT'\n([\s\S]*?)\nSCRIPT/.exec(systemd)?.[1] ?? "(")).toBe(true);
    expect(isShell(textOf("compose", of, "join.sh"))).toBe(true);
  }
});

it("a service lets its build end before it stops, and the token is in a file of its own", () => {
  const text = textOf("systemd", joining());
  expect(text).toContain(`kill -HUP \${MAINPID}`);
  expect(text).toContain("install -m 600 /dev/null /etc/buildbot-worker-deploy.env");
  expect(text.match(/slw_abc/g)).toHaveLength(1);
});

it("a pool of any name has a service, a project and a Deployment that may be called so", () => {
  for (const [pool, named] of [
    ["größe", "gr-e"],
    ["übung_2", "-bung_2"],
    ["линукс", ""],
    ["A_b", "A_b"],
  ] as const) {
    const of = joining({ pool });
    const unit = `buildbot-worker${named && `-${named}`}`;
    expect(textOf("systemd", of)).toContain(`systemctl enable --now ${unit}`);
    expect(textOf("systemd", of)).toContain(`/pools/${encodeURIComponent(pool)}/join`);
    const [, project = ""] = /compose -p (\S+) up/.exec(textOf("compose", of)) ?? [];
    expect(project).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
    const pieces = joinRecipe("kubernetes", of);
    const [, deployment] = parseAllDocuments(pieces.at(-1)?.text ?? "");
    expect(deployment?.toJS().metadata.name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
  }
});

it("containers are told to drain, as many replicas as one likes", () => {
  const { services } = parse(textOf("compose", joining(), "compose.yaml"));
  expect(services.worker).toEqual({
    ...{ build: ".", init: false, environment: { JOIN_TOKEN: "slw_abc" } },
    ...{ deploy: { replicas: 2 }, restart: "unless-stopped" },
    ...{ stop_signal: "SIGHUP", stop_grace_period: "3600s" },
  });
  const here = joining({}, { isThisHostOnly: true });
  expect(parse(textOf("compose", here, "compose.yaml")).services.worker.network_mode).toBe("host");
});

it("a pod drains before it is killed, and is not evicted for a node to be saved (K-034)", () => {
  const [secret, deployment] = parseAllDocuments(
    textOf("kubernetes", joining({ pool: "Deploy_x" }), "pool-deploy-x.yaml"),
  ).map((document) => document.toJS());
  expect(secret.stringData).toEqual({ JOIN_TOKEN: "slw_abc" });
  const { metadata, spec } = deployment.spec.template;
  expect(metadata.annotations).toEqual({
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
  });
  expect(spec.terminationGracePeriodSeconds).toBe(3_600);
  expect(spec.containers[0].lifecycle.preStop.exec.command[2]).toContain("kill -HUP 1");
});

it("without a token there is a word in its place", () => {
  expect(textOf("shell", joining({ token: null }))).toContain("Bearer TOKEN");
});
