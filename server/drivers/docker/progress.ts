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
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string().optional() }).optional(),
  aux: z.object({ ID: z.string().optional() }).optional(),
});

const LONGEST_LINE = 1024 * 1024;

/**
 * @param said each line for a person; how far a download is does not count as one
 * @throws EngineRefusal with the engine's words, NoEngine when the answer breaks off
 */
export async function followProgress(
  stream: AsyncIterable<Buffer>,
  said: (line: string) => void,
): Promise<void> {
  const lines = new Lines(LONGEST_LINE);
  const words = new Lines();
  const take = (line: string) => {
    if (line.trim() === "") return;
    const { stream: text, status, id, progress, ...parsed } = parse(line);
    const error = parsed.error ?? parsed.errorDetail?.message;
    if (error !== undefined) throw new EngineRefusal(null, error);
    if (text !== undefined) for (const each of words.push(Buffer.from(text))) said(each);
    if (status !== undefined && progress === undefined) said(id ? `${id}: ${status}` : status);
  };
  for await (const chunk of stream) for (const line of lines.push(chunk)) take(line);
  for (const line of lines.end()) take(line);
  for (const line of words.end()) said(line);
}

function parse(line: string) {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {}
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new NoEngine(`an answer that is no Docker engine's: ${line.slice(0, 200)}`);
}
