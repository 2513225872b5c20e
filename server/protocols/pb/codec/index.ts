/**
 * Perspective Broker, bytes to values and back (protocol §2). Pure: no sockets, no Node, so that
 * the master's door and a worker share it.
 *
 *     decoder.push(chunk);
 *     for (let element = decoder.next(); element !== undefined; element = decoder.next()) {
 *       const message = readBrokerMessage(element);
 *     }
 *     writeCall(writer, {...});  socket.write(writer.take());
 */
export * from "./banana";
export * from "./banana-decoder";
export * from "./banana-writer";
export * from "./broker";
export * from "./failure";
export * from "./jelly";
export * from "./jelly-reader";
export * from "./jelly-writer";
