/**
 * `msgpack_experimental_v7`, frames to messages and back (protocol §3). Pure: no sockets, no Node,
 * so that the master's door and a worker share it.
 *
 *     const message = readMessage(frame);
 *     socket.send(writeRequest(sequence, "print", { message: "attached" }));
 */
export * from "./decoder";
export * from "./encoder";
export * from "./lines";
export * from "./message";
export * from "./requests";
export * from "./value";
