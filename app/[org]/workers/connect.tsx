"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { CommandLine } from "@/app/_ui/copy";
import { Segments } from "@/app/_ui/segments";
import type { Doors } from "@/server/api/workers/connection";
import { type Piece, type Place, type Program, type Protocol, recipe } from "./recipes";

const PLACES: readonly { id: Place; label: string }[] = [
  { id: "shell", label: "A shell" },
  { id: "systemd", label: "systemd" },
  { id: "docker", label: "Docker" },
  { id: "kubernetes", label: "Kubernetes" },
];
const PROGRAMS: readonly { id: Program; label: string }[] = [
  { id: "buildbot-worker", label: "buildbot-worker" },
  { id: "slipway-worker", label: "slipway-worker" },
];
const PROTOCOLS: readonly { id: Protocol; label: string }[] = [
  { id: "pb", label: "Perspective Broker" },
  { id: "msgpack", label: "msgpack" },
];

/** The lines that connect a worker, ready to copy. The password is filled in when it is known. */
export function ConnectCommands(props: { workerId: number; password: string | null }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data: connection } = useQuery(
    trpc.workers.connection.queryOptions({ org: org.slug, workerId: props.workerId }),
  );
  if (!connection) return null;
  return (
    <Recipes
      doors={connection}
      label="Where it runs"
      places={PLACES}
      recipe={(place, how) => recipe(place, { connection, password: props.password, ...how })}
    />
  );
}

/** Lines to copy, for where workers run, the program that they are, and the door that they come to. */
export function Recipes<P extends string>(props: {
  doors: Doors;
  label: string;
  places: readonly { readonly id: P; readonly label: string }[];
  recipe: (
    place: P,
    how: { readonly program: Program; readonly protocol: Protocol },
  ) => readonly Piece[];
}) {
  const { doors, places } = props;
  const [wanted, setPlace] = useState<P | null>(null);
  const [program, setProgram] = useState<Program>("buildbot-worker");
  const [wished, setProtocol] = useState<Protocol>("pb");
  const ports = { pb: doors.pbPort, msgpack: doors.msgpackPort };
  const open = PROTOCOLS.filter(({ id }) => ports[id] !== null);
  const place = wanted ?? places[0]?.id;
  const protocol = open.some(({ id }) => id === wished) ? wished : open[0]?.id;
  if (protocol === undefined || place === undefined) {
    return (
      <p className="text-amber">
        Both worker doors of this installation are switched off. Whoever runs it opens one with
        SLIPWAY_PB_PORT or SLIPWAY_MSGPACK_PORT.
      </p>
    );
  }
  return (
    <div className="space-y-3">
      <div className="flex flex-wrap gap-x-5 gap-y-2">
        <Segments label={props.label} options={places} value={place} onChange={setPlace} />
        {place === "shell" ? (
          <Segments label="Program" options={PROGRAMS} value={program} onChange={setProgram} />
        ) : null}
        {open.length > 1 ? (
          <Segments label="Protocol" options={open} value={protocol} onChange={setProtocol} />
        ) : null}
      </div>
      <DoorNotes doors={doors} protocol={protocol} />
      <ol className="space-y-3">
        {props.recipe(place, { program, protocol }).map((piece) => (
          <PieceBox key={piece.title} piece={piece} />
        ))}
      </ol>
    </div>
  );
}

function PieceBox({ piece }: { piece: Piece }) {
  return (
    <li className="space-y-1">
      <p className="text-muted">
        {piece.title} {piece.file ? <code className="num text-fg">{piece.file}</code> : null}
      </p>
      <CommandLine
        text={piece.text}
        label={piece.file ? `Copy ${piece.file}` : "Copy the command"}
      />
      {piece.note ? <p className="text-xs text-muted">{piece.note}</p> : null}
    </li>
  );
}

/** What about these doors may surprise: who reaches them, and in which tongue. */
function DoorNotes({ doors, protocol }: { doors: Doors; protocol: Protocol }) {
  return (
    <>
      {doors.isThisHostOnly ? (
        <p className="border-l-2 border-amber pl-3">
          Only programs on this host can connect: the doors listen on {doors.host}. For other
          machines start Slipway with <code className="num">SLIPWAY_WORKER_BIND=0.0.0.0</code> and
          this host's name in <code className="num">SLIPWAY_WORKER_ADVERTISE</code>.
        </p>
      ) : null}
      <p className="text-xs text-muted">
        {doors.tls === null
          ? protocol === "pb"
            ? "The doors do not speak TLS: the password is proven without being sent, the rest travels in the clear."
            : "The doors do not speak TLS: the password and all the rest travel in the clear."
          : doors.tls.isPublic
            ? "The doors speak TLS, with a certificate that every machine trusts."
            : "The doors speak TLS, with a certificate of an authority of your own."}{" "}
        {doors.tls !== null && !doors.tls.isPublic && protocol === "pb"
          ? "Workers older than 4.0 have no --connection-string: give them --use-tls, and SSL_CERT_FILE with the path of ca.pem in the environment of both commands."
          : null}
        {doors.tls !== null && protocol === "msgpack"
          ? "Workers older than 4.0 speak msgpack without TLS only: use Perspective Broker with them."
          : null}
      </p>
    </>
  );
}
