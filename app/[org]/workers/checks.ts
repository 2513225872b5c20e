/**
 * What a person tries on the worker's machine to find the layer that fails, with what each answer
 * means: from the outside in, so that whatever comes before the failing line works. Pure.
 */
import type { Connection } from "../../../server/api/workers/connection";
import { type Protocol, sh } from "./recipes";

export interface Check {
  readonly layer: string;
  readonly command: string;
  readonly answers: readonly Answer[];
}

export interface Answer {
  /** What is seen, or the part of it that counts. */
  readonly sees: string;
  readonly means: string;
  readonly isGood?: true;
}

export interface CheckedDoor {
  readonly connection: Connection;
  readonly protocol: Protocol;
}

export function doorChecks({ connection, protocol }: CheckedDoor): Check[] {
  const port = (protocol === "pb" ? connection.pbPort : connection.msgpackPort) ?? 0;
  const door: DoorAddress = {
    host: connection.host,
    port,
    authority: authorityOf(connection),
    isTls: connection.tls !== null,
  };
  return [
    ...(isAddress(door.host) ? [] : [nameCheck(door)]),
    reachCheck(door),
    ...(door.isTls ? [tlsCheck(door)] : []),
    protocol === "pb" ? pbCheck(door) : msgpackCheck(door),
    protocol === "pb" ? pbLogin(connection) : msgpackLogin(door, connection),
  ];
}

interface DoorAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** The file with the authority to trust; null: what the machine trusts anyway. */
  readonly authority: string | null;
}

const authorityOf = ({ tls }: Connection): string | null =>
  tls === null || tls.isPublic ? null : '"$HOME/slipway-ca/ca.pem"';

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(":");
const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host);

function nameCheck({ host }: DoorAddress): Check {
  return {
    layer: "Its address",
    command: `getent hosts ${sh(host)}`,
    answers: [
      {
        sees: "an address",
        means: "Compare it with the one that this server sees: it must lead to this host.",
        isGood: true,
      },
      {
        sees: "nothing",
        means: "The machine does not know the name: look at its DNS, or put it into /etc/hosts.",
      },
    ],
  };
}

function reachCheck({ host, port }: DoorAddress): Check {
  return {
    layer: "A connection",
    command: `nc -vz -w 5 ${sh(host)} ${port} || python3 -c "import socket; socket.create_connection(('${host}', ${port}), 5); print('open')"`,
    answers: [
      { sees: "succeeded, or open", means: "The network is fine.", isGood: true },
      {
        sees: "refused",
        means:
          "The host is reached and nothing listens there: another port, or doors that listen on another address (SLIPWAY_WORKER_BIND).",
      },
      {
        sees: "timed out",
        means: "A firewall in between, or an address that is not this host's.",
      },
      { sees: "no route, unreachable", means: "The network of the worker has no way here." },
    ],
  };
}

function client({ host, port, authority }: DoorAddress, options: string): string {
  const name = isAddress(host) ? "" : ` -servername ${sh(host)}`;
  const trusts = authority === null ? "" : ` -CAfile ${authority}`;
  return `openssl s_client -connect ${sh(`${bracketed(host)}:${port}`)}${name}${trusts}${options}`;
}

function tlsCheck(door: DoorAddress): Check {
  const { host } = door;
  const verify = isAddress(host) ? `-verify_ip ${sh(host)}` : `-verify_hostname ${sh(host)}`;
  return {
    layer: "TLS",
    command: `${client(door, ` ${verify}`)} </dev/null 2>&1 | grep -E "^subject|^issuer|Verif|error"`,
    answers: [
      {
        sees: "Verification: OK",
        means: "The certificate is trusted, and made for this name.",
        isGood: true,
      },
      {
        sees: "unable to get local issuer certificate",
        means:
          "The machine does not have the authority that signed it: give the worker trustRoots.",
      },
      {
        sees: "Hostname mismatch, IP address mismatch",
        means: "It is for another name: connect the worker by one that stands in the certificate.",
      },
      {
        sees: "certificate has expired",
        means: "Whoever runs this installation gives it a new one.",
      },
      {
        sees: "wrong version number",
        means: "What answers there does not speak TLS: another program, or a proxy in between.",
      },
    ],
  };
}

function pbCheck(door: DoorAddress): Check {
  const ask = door.isTls
    ? `timeout 3 ${client(door, " -quiet")} </dev/null 2>/dev/null`
    : `python3 -c "import socket; print(socket.create_connection(('${door.host}', ${door.port}), 5).recv(20))"`;
  return {
    layer: "The protocol",
    command: door.isTls ? `${ask} | tr -cd '[:print:]'; echo` : ask,
    answers: [
      { sees: "pb and none", means: "The Perspective Broker door answers.", isGood: true },
      { sees: "something else", means: "Another program has this port, or a proxy answers." },
      {
        sees: "nothing, or timed out",
        means: door.isTls
          ? "Something between takes connections and passes nothing on."
          : "Something between takes connections and passes nothing on, or the door wants TLS.",
      },
    ],
  };
}

function curl(door: DoorAddress, options: string, seconds = 10): string {
  const scheme = door.isTls ? "https" : "http";
  const trusts = door.authority === null ? "" : ` --cacert ${door.authority}`;
  return `curl -si -m ${seconds}${trusts}${options} ${scheme}://${bracketed(door.host)}:${door.port}/ | head -1`;
}

function msgpackCheck(door: DoorAddress): Check {
  return {
    layer: "The protocol",
    command: curl(door, ""),
    answers: [
      { sees: "426 Upgrade Required", means: "The msgpack door answers.", isGood: true },
      { sees: "another status", means: "Another web server answers: a proxy, or a wrong port." },
      {
        sees: "nothing",
        means: "Take “| head -1” away and put -v in front: curl says which layer failed.",
      },
    ],
  };
}

function msgpackLogin(door: DoorAddress, { loginName }: Connection): Check {
  const upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    .map((header) => ` -H "${header}"`)
    .join("");
  return {
    layer: "Name and password",
    command: curl(
      door,
      ` --http1.1 -u ${sh(`${loginName}:PASSWORD`)}${upgrade} -H "Sec-WebSocket-Key: $(openssl rand -base64 16)"`,
      // One that gets in is left open until then.
      3,
    ),
    answers: [
      { sees: "101 Switching Protocols", means: "Name and password are right.", isGood: true },
      {
        sees: "401 Unauthorized",
        means: "One of them is wrong. Which one is told on this page, and never to the worker.",
      },
    ],
  };
}

function pbLogin({ loginName }: Connection): Check {
  return {
    layer: "Name and password",
    command: `tail -n 20 ${sh(loginName.replaceAll("/", "-"))}/twistd.log`,
    answers: [
      { sees: "Connected to …; worker is ready", means: "It is in.", isGood: true },
      {
        sees: "unauthorized login; check worker name and password",
        means: "One of them is wrong. Which one is told on this page, and never to the worker.",
      },
      {
        sees: "Connection to … failed",
        means: "It did not come as far as this: a layer above fails.",
      },
    ],
  };
}
