/** How the worker on a machine reaches us: options that drivers share whose machines are elsewhere. */
import { z } from "zod";

/** `host`, `host:port` or `[v6]:port`; a v6 address alone needs no brackets. */
const ADDRESS =
  /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]/]+)(:\d{1,5})?$|^[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*$/;

export const agentOptions = {
  masterFQDN: z
    .string()
    .max(300, "must have at most 300 characters")
    .regex(ADDRESS, "must be HOST, HOST:PORT or [IPv6]:PORT")
    .nullish()
    .meta({
      description:
        "Where the machine's worker finds this installation. Left out: the address that the installation gives to all workers.",
    }),
  master_protocol: z
    .enum(["pb", "msgpack_experimental_v7"], {
      error: "must be pb or msgpack_experimental_v7",
    })
    .optional()
    .meta({
      description: "What the machine's worker speaks. Left out: pb, when that door is open.",
    }),
};
