/**
 * The door's port: every connection begins with an HTTP handshake (protocol §3.1).
 *
 * The HTTP server here listens nowhere. It parses the handshakes of the sockets that it is handed.
 */
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Listening, ListenOptions, WorkerDoor } from "../contract";
import { openPort } from "../port";
import { Attachment } from "./attach";
import { LIMITS } from "./codec";
import type { MsgpackSettings } from "./settings";

const MAX_HEADER_BYTES = 8 * 1024;

export function listen(
  door: WorkerDoor,
  options: ListenOptions,
  settings: MsgpackSettings,
): Promise<Listening> {
  const { loginTimeoutMs } = options;
  let lastCommandId = 0;
  const nextCommandId = () => String(++lastCommandId);
  const websockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.messageBytes,
    handleProtocols: () => false,
  });
  const handshakes = new WeakMap<Duplex, Attachment>();
  const http = createServer({ maxHeaderSize: MAX_HEADER_BYTES });
  http.on("upgrade", (request, socket, head) => {
    void handshakes.get(socket)?.upgrade(request, head);
  });
  http.on("request", (request, response) => {
    handshakes.get(request.socket)?.visited(request, response);
  });
  // Later, so that whoever else listens to the socket has heard what the parser stumbled over.
  http.on("clientError", (error, socket) => {
    setImmediate(() => handshakes.get(socket)?.malformed(error.message));
  });

  return openPort(door, options, settings, (socket, newcomer) => {
    // Before anybody listens to the socket: the parser would take its bytes from below.
    http.emit("connection", socket);
    const attachment = new Attachment(socket, {
      ...{ door, settings, loginTimeoutMs, nextCommandId, websockets },
      ...newcomer,
    });
    handshakes.set(socket, attachment);
    return attachment;
  });
}
