/**
 * The exact lines by which machines join a pool, by what makes them. Pure: facts in, text out, and each text
 * runs as it stands. Every machine asks for a name and a password of its own before its worker starts, and
 * tells Slipway before it goes, so that builds end first.
 */
import type { Doors } from "@/server/api/workers/connection";
import {
  addressOf,
  CA_FOLDER,
  options,
  type Piece,
  type Program,
  type Protocol,
  sh,
  some,
  trust,
} from "../workers/recipes";

export type JoinPlace = "shell" | "systemd" | "compose" | "kubernetes";

export interface Joining {
  readonly pool: string;
  /** Of the organisation: https://ci.example.org/main */
  readonly url: string;
  /** null: shown once and gone; the lines then hold a word in its place. */
  readonly token: string | null;
  readonly doors: Doors;
  readonly program: Program;
  readonly protocol: Protocol;
}

export const NO_TOKEN = "TOKEN";
const MSGPACK = "msgpack_experimental_v7";
/** Longer than any build should take: what is still running then is RETRY, and runs elsewhere. */
const GRACE_SECONDS = 3_600;

export function joinRecipe(place: JoinPlace, joining: Joining): Piece[] {
  if (place === "systemd") return systemd(joining);
  if (place === "compose") return compose(joining);
  if (place === "kubernetes") return kubernetes(joining);
  return shell(joining);
}

const way = (joining: Joining, program: Program = joining.program) => ({
  ...{ connection: joining.doors, program, protocol: joining.protocol },
});

/** @param token as a shell has it */
function request({ url, pool, protocol }: Joining, token: string): string {
  const data = protocol === "pb" ? "{}" : `{"protocol": "${MSGPACK}"}`;
  const to = `${url}/api/v2/pools/${encodeURIComponent(pool)}/join?format=env`;
  return `curl -fsS -X POST -H "Authorization: Bearer ${token}" -d ${sh(data)} ${sh(to)}`;
}

/** What the answer told, as arguments. */
function create(joining: Joining, program: Program, folder: string, trusted: string): string {
  const command = program === "slipway-worker" ? "npx slipway-worker" : program;
  const given = [...options(way(joining, program), trusted), "--allow-shutdown=signal"];
  const address = sh(addressOf(way(joining)));
  return `${command} create-worker ${given.join(" ")} ${folder} ${address} "$WORKERNAME" "$WORKERPASS"`;
}

function shell(joining: Joining): Piece[] {
  const { program } = joining;
  const command = program === "slipway-worker" ? "npx slipway-worker" : program;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's.
  const folder = '"${WORKERNAME##*/}"';
  const install: Piece =
    program === "slipway-worker"
      ? {
          title: "Our own worker is part of Slipway: run these in a checkout of it.",
          text: "npm ci --omit=dev",
        }
      : {
          title: "If the machine has no buildbot-worker yet:",
          text: "sudo apt install buildbot-worker curl",
        };
  return some(install, trust(joining.doors), {
    title: "Join, make the worker and start it:",
    text: [
      `answer=$(${request(joining, joining.token ?? NO_TOKEN)}) && eval "$answer" && \\`,
      `${create(joining, program, folder, `$HOME/${CA_FOLDER}`)} && \\`,
      `${command} start ${folder}`,
    ].join("\n"),
    note: "Before the machine goes, send the worker SIGHUP: it gets no more builds, and ends when the one that it has is over.",
  });
}

/** Of names that take letters without marks alone: a pool's own may have any. */
const called = (what: string, pool: string) =>
  `${what}-${pool.replaceAll(/[^A-Za-z0-9_-]+/g, "-")}`.replaceAll(/-+$/g, "");

function systemd(joining: Joining): Piece[] {
  const { pool } = joining;
  const unit = called("buildbot-worker", pool);
  const script = `/usr/local/lib/${unit}.sh`;
  const trusted = `/etc/${CA_FOLDER}`;
  return some(
    { title: "The programs:", text: "sudo apt install buildbot-worker curl" },
    trust(joining.doors, trusted),
    {
      title: "The token, for the service alone:",
      text: `sudo install -m 600 /dev/null /etc/${unit}.env && sudo tee /etc/${unit}.env >/dev/null <<'ENV'\nJOIN_TOKEN=${joining.token ?? NO_TOKEN}\nENV`,
    },
    {
      title: "What joins, at every start anew:",
      text: `sudo tee ${script} >/dev/null <<'SCRIPT'
set -e
answer=$(${request(joining, "$JOIN_TOKEN")})
eval "$answer"
unset JOIN_TOKEN
rm -rf base
${create(joining, "buildbot-worker", "base", trusted)}
unset WORKERPASS
exec buildbot-worker start --nodaemon base
SCRIPT`,
    },
    {
      title: "The unit, and start it now and at every boot:",
      text: `sudo tee /etc/systemd/system/${unit}.service >/dev/null <<'UNIT'
[Unit]
Description=Build worker of the pool ${pool}
Wants=network-online.target
After=network-online.target

[Service]
DynamicUser=yes
StateDirectory=${unit}
WorkingDirectory=/var/lib/${unit}
Environment=HOME=/var/lib/${unit}
EnvironmentFile=/etc/${unit}.env
ExecStart=/bin/sh ${script}
# Asks for no more builds, and waits for the one that runs.
ExecStop=/bin/sh -c "kill -HUP \${MAINPID} && tail --pid=\${MAINPID} -f /dev/null"
TimeoutStopSec=${GRACE_SECONDS}
KillMode=mixed
Restart=always
RestartSec=30
NoNewPrivileges=true
PrivateTmp=true

[Install]
WantedBy=multi-user.target
UNIT
sudo systemctl daemon-reload
sudo systemctl enable --now ${unit}`,
    },
  );
}

/** Runs as process 1, so that what the container is sent reaches the worker. */
function start(joining: Joining): string {
  return [
    "set -e",
    `answer=$(${request(joining, "$JOIN_TOKEN")})`,
    'eval "$answer"',
    "unset JOIN_TOKEN",
    "rm -rf base",
    `${create(joining, "buildbot-worker", "base", `/etc/${CA_FOLDER}`).replace("--allow-shutdown", "--maxretries=10 --allow-shutdown")}`,
    "unset WORKERPASS",
    "exec buildbot-worker start --nodaemon base",
  ].join("\n");
}

function image(joining: Joining): Piece {
  const { tls } = joining.doors;
  const isPrivate = tls !== null && !tls.isPublic;
  return {
    title: "An image whose worker joins when it starts:",
    file: "Dockerfile",
    text: [
      "FROM python:3.12-slim",
      "RUN apt-get update && apt-get install -y --no-install-recommends curl git openssh-client \\",
      "  && rm -rf /var/lib/apt/lists/* && pip install --no-cache-dir buildbot-worker \\",
      "  && useradd --uid 1000 --create-home worker",
      "# What your builds need beside git goes here: compilers, interpreters, tools.",
      ...(isPrivate ? [`COPY ca.pem /etc/${CA_FOLDER}/ca.pem`] : []),
      "COPY join.sh /join.sh",
      "USER 1000",
      "WORKDIR /home/worker",
      "STOPSIGNAL SIGHUP",
      'CMD ["sh", "/join.sh"]',
    ].join("\n"),
    ...(isPrivate ? { note: "ca.pem is the authority of the TLS certificate, beside it." } : {}),
  };
}

const script = (joining: Joining): Piece => ({
  ...{ title: "Beside it, what joins:", file: "join.sh", text: start(joining) },
});

function compose(joining: Joining): Piece[] {
  const { pool, doors, token } = joining;
  return [
    image(joining),
    script(joining),
    {
      title: "And as many of it as you like:",
      file: "compose.yaml",
      text: [
        "services:",
        "  worker:",
        "    build: .",
        "    init: false",
        ...(doors.isThisHostOnly ? ["    network_mode: host"] : []),
        "    environment:",
        `      JOIN_TOKEN: ${JSON.stringify(token ?? NO_TOKEN)}`,
        "    deploy: {replicas: 2}",
        "    restart: unless-stopped",
        "    stop_signal: SIGHUP",
        `    stop_grace_period: ${GRACE_SECONDS}s`,
      ].join("\n"),
      ...(doors.isThisHostOnly
        ? { note: "network_mode: host, because the doors listen on this host's loopback alone." }
        : {}),
    },
    {
      title: "Start them:",
      text: `docker compose -p ${called("pool", pool).toLowerCase()} up -d --build`,
    },
  ];
}

function kubernetes(joining: Joining): Piece[] {
  const { pool, token } = joining;
  const name = called("pool", pool.replaceAll("_", "-")).toLowerCase();
  return [
    image(joining),
    script(joining),
    {
      title: "Put that image into your registry, its name into the manifest, and apply it:",
      file: `${name}.yaml`,
      text: `apiVersion: v1
kind: Secret
metadata:
  name: ${name}
stringData:
  JOIN_TOKEN: ${JSON.stringify(token ?? NO_TOKEN)}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels: {app: ${name}}
      annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: "false"}
    spec:
      automountServiceAccountToken: false
      # As long as the longest build: what is still running then is RETRY, and runs elsewhere.
      terminationGracePeriodSeconds: ${GRACE_SECONDS}
      securityContext: {runAsNonRoot: true, runAsUser: 1000}
      containers:
        - name: worker
          image: REGISTRY/${name}:latest
          envFrom: [{secretRef: {name: ${name}}}]
          securityContext: {allowPrivilegeEscalation: false}
          # A drained node, an eviction, a smaller Deployment: no more builds, and the one that runs ends first.
          lifecycle:
            preStop:
              exec: {command: [sh, -c, "kill -HUP 1; while kill -0 1; do sleep 1; done"]}`,
    },
  ];
}
