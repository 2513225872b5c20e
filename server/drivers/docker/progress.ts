/**
 * What an engine says while it builds or pulls: one JSON object a line. That it failed is one of them;
 * the answer itself ends well all the same.
 */
import { z } from "zod";
import { EngineRefusal, NoEngine } from "./errors";
import { Lines } from "./log-frames";

const lineSchema = z.object({
  stream: z.string().optional(),
  status: z.string().optional(),
  id: z.string().optional(),
  progress: z.string().optional(),
  /** Newer engines say it in numbers alone. */
  progressDetail: z
    .object({ current: z.number().optional(), total: z.number().optional() })
    .nullish()
    .catch(undefined),
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string().optional() }).optional(),
  aux: z.object({ ID: z.string().optional() }).optional().catch(undefined),
});
type Line = z.output<typeof lineSchema>;

const LONGEST_LINE = 1024 * 1024;

/**
 * @param said each line for a person; how far a download is, now and then
 * @throws EngineRefusal with the engine's words, NoEngine when the answer breaks off
 */
export async function followProgress(
  stream: AsyncIterable<Buffer>,
  said: (line: string) => void,
  now: () => number = Date.now,
): Promise<void> {
  const lines = new Lines(LONGEST_LINE);
  const words = new Lines();
  const transfers = new Transfers(now);
  const take = (line: string) => {
    if (line.trim() === "") return;
    const parsed = parse(line);
    const error = parsed.errorDetail?.message ?? parsed.error;
    if (error !== undefined) throw new EngineRefusal(null, error);
    if (parsed.stream !== undefined) {
      for (const each of words.push(Buffer.from(parsed.stream))) said(each);
    }
    const told = transfers.told(parsed);
    if (told !== null) said(told);
  };
  for await (const chunk of stream) for (const line of lines.push(chunk)) take(line);
  for (const line of lines.end()) take(line);
  for (const line of words.end()) said(line);
}

const EVERY_MS = 5_000;
/** Of more than an image can have nothing is remembered, whatever an engine says. */
const MOST_LAYERS = 1_000;
const RETRYING = /^Retrying in \d+ second/;

/** Layers on their way: each says many times a second how far it is, all of them together seldom. */
class Transfers {
  readonly #layers = new Map<string, { readonly current: number; readonly total: number }>();
  readonly #retrying = new Set<string>();
  #tellAt: number;

  constructor(private readonly now: () => number) {
    this.#tellAt = now() + EVERY_MS;
  }

  told({ status, id = "", progress, progressDetail }: Line): string | null {
    if (status === undefined) return null;
    const { current, total = 0 } = progressDetail ?? {};
    if (current === undefined && progress === undefined) return this.#event(status, id);
    if (this.#layers.size >= MOST_LAYERS && !this.#layers.has(id)) return null;
    this.#layers.set(id, { current: current ?? 0, total: Math.max(total, current ?? 0) });
    if (this.now() < this.#tellAt) return null;
    this.#tellAt = this.now() + EVERY_MS;
    const all = [...this.#layers.values()];
    const sum = (of: "current" | "total") => all.reduce((so, layer) => so + layer[of], 0);
    return `${status}: ${megabytes(sum("current"))} of ${megabytes(sum("total"))} MB in ${all.length} ${all.length === 1 ? "layer" : "layers"}`;
  }

  /** Of a countdown, that it began. */
  #event(status: string, id: string): string | null {
    if (!RETRYING.test(status)) this.#retrying.delete(id);
    else if (this.#retrying.has(id)) return null;
    else if (this.#retrying.size < MOST_LAYERS) this.#retrying.add(id);
    return id ? `${id}: ${status}` : status;
  }
}

const megabytes = (bytes: number) => (bytes / 1_000_000).toFixed(1);

function parse(line: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {}
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new NoEngine(`an answer that is no Docker engine's: ${line}`);
}
