/**
 * Who is at the other end of a connection that came from a proxy of ours: the header that it sends
 * first says so. A header is not owed: the same address may hold workers of its own. Those that speak
 * first are told apart by their first bytes, those that wait for us by their silence.
 */
import type { Socket } from "node:net";
import type { Peer } from "./contract";
import { readProxyHeader } from "./proxy-header";

/** How long a proxy's header may be on its way before silence means that there is none. */
const SILENCE_MS = 1_000;

export type TruePeer =
  | { readonly peer: Peer; readonly headerBytes: number }
  | { readonly problem: string };

/**
 * @param patienceMs how long a header that has begun may take
 *
 * Settles once, and has nothing of the socket any more then; what was read behind the header is there
 * to be read again. Settles never when the socket closes before.
 */
export function readTruePeer(socket: Socket, own: Peer, patienceMs: number): Promise<TruePeer> {
  return new Promise((resolve) => {
    let heard: Buffer = Buffer.alloc(0);
    let timer = setTimeout(() => settle({ peer: own, headerBytes: 0 }), SILENCE_MS);
    const close = () => clearTimeout(timer);

    function settle(outcome: TruePeer): void {
      clearTimeout(timer);
      socket.off("readable", read);
      socket.off("close", close);
      const rest = "peer" in outcome ? heard.subarray(outcome.headerBytes) : heard;
      if (rest.length > 0) socket.unshift(rest);
      resolve(outcome);
    }

    function read(): void {
      const isFirst = heard.length === 0;
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        heard = Buffer.concat([heard, chunk as Buffer]);
      }
      if (heard.length === 0) return;
      const header = readProxyHeader(heard);
      if (header.kind === "none") settle({ peer: own, headerBytes: 0 });
      else if (header.kind === "malformed") settle({ problem: header.detail });
      else if (header.kind === "header") {
        settle({ peer: header.peer ?? own, headerBytes: header.length });
      } else if (isFirst) {
        clearTimeout(timer);
        const late = () => settle({ problem: `it is not whole after ${patienceMs} ms` });
        timer = setTimeout(late, patienceMs);
      }
    }

    socket.on("readable", read);
    socket.once("close", close);
  });
}
