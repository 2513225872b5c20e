/**
 * The API on a plain HTTP server, before Next sees the request: half of what a small answer costs
 * is Next's own way to a route handler. The route in app/[org]/api/v2 stays for what does not come
 * through here, and both give the same answers.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { METHODS, type Rest } from "./handle";
import { pathSegments } from "./segments";

const PATH = /^\/([^/?]+)\/api\/v2\/([^?]+)/;

/** Answers and gives true, or leaves the request alone and gives false. */
export function createNodeHandler(
  rest: Rest,
  onFault: (error: unknown) => void,
): (incoming: IncomingMessage, response: ServerResponse) => boolean {
  return (incoming, response) => {
    const { method, url = "" } = incoming;
    const [, slug, path] = PATH.exec(url) ?? [];
    if (!slug || !path || !Object.hasOwn(METHODS, method ?? "")) return false;
    answer(rest, incoming, response, slug, pathSegments(path.split("/"))).catch((error) => {
      // A reader who leaves half-way is nobody's fault.
      if ((error as { code?: string }).code !== "ERR_STREAM_PREMATURE_CLOSE") onFault(error);
      response.destroy();
    });
    return true;
  };
}

async function answer(
  rest: Rest,
  incoming: IncomingMessage,
  response: ServerResponse,
  slug: string,
  path: readonly string[],
): Promise<void> {
  const method = incoming.method as keyof typeof METHODS;
  const hasBody = method === "POST" || method === "PUT";
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === "string") headers.set(name, value);
  }
  // Only path and query of the address count.
  const request = new Request(`http://localhost${incoming.url}`, {
    method,
    headers,
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" } : {}),
  } as RequestInit);
  const given = await rest[METHODS[method]](request, slug, path);
  // Refused before it was read: nothing more can come over this connection.
  if (!incoming.complete) response.setHeader("connection", "close");
  response.writeHead(given.status, Object.fromEntries(given.headers));
  if (given.headers.has("content-length")) {
    response.end(Buffer.from(await given.arrayBuffer()));
  } else if (given.body) {
    await pipeline(
      Readable.fromWeb(given.body as Parameters<typeof Readable.fromWeb>[0]),
      response,
    );
  } else {
    response.end();
  }
}
