/**
 * The exact lines that connect a worker, by where it shall run. Pure: facts in, text out, and each
 * text runs as it stands. Nothing here needs quoting: names and generated passwords hold no
 * character that a shell would touch, and what does not fit is quoted by `sh`.
 */
import type { Connection, Doors } from "@/server/api/workers/connection";

export type Program = "buildbot-worker" | "slipway-worker";
export type Protocol = "pb" | "msgpack";
export type Place = "shell" | "docker" | "systemd" | "kubernetes";

export interface Wanted {
  readonly connection: Connection;
  /** null: shown once and gone; the lines then hold a word in its place. */
  readonly password: string | null;
  readonly program: Program;
  readonly protocol: Protocol;
}

export interface Piece {
  readonly title: string;
  /** Where a text belongs into a file of that name; else it is for a terminal. */
  readonly file?: string;
  readonly text: string;
  readonly note?: string;
}

export const NO_PASSWORD = "PASSWORD";
const MSGPACK = "msgpack_experimental_v7";
export const CA_FOLDER = "slipway-ca";
const IMAGE = "buildbot-worker-nonroot";

/** Quoted for a shell when it must be. */
export const sh = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Which worker, over which door. */
export interface Way extends Pick<Wanted, "program" | "protocol"> {
  readonly connection: Doors;
}

const portOf = ({ connection, protocol }: Way): number =>
  (protocol === "pb" ? connection.pbPort : connection.msgpackPort) ?? 0;

const hostOf = ({ host }: Doors): string => (host.includes(":") ? `[${host}]` : host);

export const addressOf = (wanted: Way): string => `${hostOf(wanted.connection)}:${portOf(wanted)}`;

export const folderOf = ({ loginName }: Connection): string => loginName.replaceAll("/", "-");

/** Options before the four arguments. `trusted` is the folder of the authority's PEM file. */
export function options(wanted: Way, trusted: string): string[] {
  const { connection, protocol, program } = wanted;
  const made = protocol === "msgpack" ? [`--protocol=${MSGPACK}`] : [];
  if (connection.tls === null) return made;
  if (protocol === "msgpack" && program === "buildbot-worker") {
    return [...made, `--connection-string=wss://${addressOf(wanted)}`];
  }
  if (connection.tls.isPublic) return [...made, "--use-tls"];
  const string = `TLS:${connection.host.replaceAll(":", "\\:")}:${portOf(wanted)}:trustRoots=${trusted}`;
  return [...made, `--connection-string="${string}"`];
}

/** `create-worker` with all its arguments. */
export function createLine(wanted: Wanted, folder: string, trusted = `$HOME/${CA_FOLDER}`): string {
  const { connection, program } = wanted;
  const command = program === "slipway-worker" ? "npx slipway-worker" : program;
  return [
    command,
    "create-worker",
    ...options(wanted, trusted),
    sh(folder),
    sh(addressOf(wanted)),
    sh(connection.loginName),
    sh(wanted.password ?? NO_PASSWORD),
  ].join(" ");
}

/** What a machine must trust first; null when it needs nothing. */
export function trust({ tls }: Doors, folder = `$HOME/${CA_FOLDER}`): Piece | null {
  if (tls === null || tls.isPublic) return null;
  const title = "Give it the authority that signed this installation's certificate:";
  if (tls.pem === null) {
    const note = "Ask who runs this installation for the file; it ends in .pem.";
    return { title, note, text: `mkdir -p ${folder} && cp AUTHORITY.pem ${folder}/ca.pem` };
  }
  const write = folder.startsWith("/") ? "sudo tee" : "cat >";
  const make = folder.startsWith("/") ? "sudo mkdir" : "mkdir";
  const text = `${make} -p ${folder} && ${write} ${folder}/ca.pem <<'PEM'\n${tls.pem}\nPEM`;
  return { title, text };
}

export const some = (...pieces: (Piece | null)[]): Piece[] =>
  pieces.filter((piece) => piece !== null);

export function recipe(place: Place, wanted: Wanted): Piece[] {
  if (place === "docker") return some(dockerfile(wanted), ...docker(wanted));
  if (place === "systemd") return systemd(wanted);
  if (place === "kubernetes") return some(dockerfile(wanted), kubernetes(wanted));
  return shell(wanted);
}

function shell(wanted: Wanted): Piece[] {
  const { connection, program } = wanted;
  const folder = folderOf(connection);
  const command = program === "slipway-worker" ? "npx slipway-worker" : program;
  const install: Piece =
    program === "slipway-worker"
      ? {
          title: "Our own worker is part of Slipway: run these in a checkout of it.",
          text: "npm ci --omit=dev",
          note: "It needs Node.js 20.19 or newer and nothing else.",
        }
      : {
          title: "If the machine has no buildbot-worker yet:",
          text: "sudo apt install buildbot-worker   # Debian, Ubuntu\npipx install buildbot-worker       # elsewhere, with Python",
        };
  return some(
    install,
    trust(connection),
    { title: "Make the worker, once:", text: createLine(wanted, folder) },
    { title: "Start it:", text: `${command} start ${sh(folder)}` },
  );
}

function dockerfile(wanted: Wanted): Piece {
  const { tls } = wanted.connection;
  const isPrivate = tls !== null && !tls.isPublic;
  const lines = [
    "FROM python:3.12-slim",
    "RUN apt-get update && apt-get install -y --no-install-recommends git openssh-client \\",
    "  && rm -rf /var/lib/apt/lists/* && pip install --no-cache-dir buildbot-worker \\",
    "  && useradd --uid 1000 --create-home worker",
    "# What your builds need beside git goes here: compilers, interpreters, tools.",
    ...(isPrivate ? [`COPY ca.pem /etc/${CA_FOLDER}/ca.pem`] : []),
    "USER 1000",
    "WORKDIR /home/worker",
    `CMD ["sh", "-c", "[ -e base/buildbot.tac ] || buildbot-worker create-worker $WORKER_OPTIONS base \\"$BUILDMASTER\\" \\"$WORKERNAME\\" \\"$WORKERPASS\\" && exec buildbot-worker start --nodaemon base"]`,
  ];
  return {
    title: "An image whose worker is not root:",
    file: "Dockerfile",
    text: lines.join("\n"),
    ...(isPrivate ? { note: "ca.pem is the authority of the TLS certificate, beside it." } : {}),
  };
}

/** Environment of a container that runs the image above. */
function environment(wanted: Wanted): [name: string, value: string][] {
  const { connection, password } = wanted;
  const given = options({ ...wanted, program: "buildbot-worker" }, `/etc/${CA_FOLDER}`);
  const made = given.join(" ").replaceAll('"', "");
  return [
    ["BUILDMASTER", addressOf(wanted)],
    ["WORKERNAME", connection.loginName],
    ["WORKERPASS", password ?? NO_PASSWORD],
    ...(made ? [["WORKER_OPTIONS", made] satisfies [string, string]] : []),
  ];
}

function docker(wanted: Wanted): Piece[] {
  const { connection } = wanted;
  const variables = environment(wanted).map(([name, value]) => `  -e ${name}=${sh(value)} \\`);
  const run = [
    `docker run -d --name ${sh(folderOf(connection))} --restart unless-stopped \\`,
    ...(connection.isThisHostOnly ? ["  --network=host \\"] : []),
    ...variables,
    `  ${IMAGE}`,
  ];
  return [
    { title: "Build it, where the Dockerfile is:", text: `docker build -t ${IMAGE} .` },
    {
      title: "Run it:",
      text: run.join("\n"),
      ...(connection.isThisHostOnly
        ? { note: "--network=host, because the doors listen on this host's loopback address only." }
        : {}),
    },
  ];
}

function systemd(wanted: Wanted): Piece[] {
  const { connection, program } = wanted;
  const name = folderOf(connection);
  const unit = `buildbot-worker-${name}`;
  const home = "/var/lib/buildbot-worker";
  const own = { ...wanted, program: "buildbot-worker" } as const;
  return some(
    program === "slipway-worker"
      ? { title: "These lines are for buildbot-worker.", text: "sudo apt install buildbot-worker" }
      : null,
    {
      title: "An account of its own, which may do nothing else:",
      text: `sudo useradd --system --home-dir ${home} --create-home --shell /usr/sbin/nologin buildbot-worker`,
    },
    trust(connection, `/etc/${CA_FOLDER}`),
    {
      title: "Make the worker, once:",
      text: `sudo -u buildbot-worker ${createLine(own, `${home}/${name}`, `/etc/${CA_FOLDER}`)}`,
    },
    {
      title: "The unit, and start it now and at every boot:",
      text: `sudo tee /etc/systemd/system/${unit}.service <<UNIT
[Unit]
Description=Build worker ${connection.loginName}
Wants=network-online.target
After=network-online.target

[Service]
User=buildbot-worker
ExecStart=$(command -v buildbot-worker) start --nodaemon ${home}/${name}
Restart=always
RestartSec=10
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

function kubernetes(wanted: Wanted): Piece {
  const name = `worker-${folderOf(wanted.connection)}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .replaceAll(/-+$/g, "");
  const quoted = environment(wanted).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return {
    title: "Put that image into your registry, its name into the manifest, and apply it:",
    file: `${name}.yaml`,
    text: `apiVersion: v1
kind: Secret
metadata:
  name: ${name}
stringData:
${quoted.join("\n")}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 1000}
      containers:
        - name: worker
          image: REGISTRY/${IMAGE}:latest
          envFrom: [{secretRef: {name: ${name}}}]
          securityContext: {allowPrivilegeEscalation: false}`,
  };
}
