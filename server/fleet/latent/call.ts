/** Asking a provider: bounded in time, and with its own five words for what goes wrong. */
import { DriverError } from "../../drivers/contract";

/** A call that was told to end may take so long to do it; whatever it does after that, nobody hears. */
const SETTLE_MS = 10_000;

/** Nobody needs the answer any more. */
export class Unneeded extends Error {
  override readonly name = "Unneeded";
}

/**
 * Settles when the call has, so that the next one on the same machine comes behind it.
 * @param unneeded aborts the call before its time; it then rejects with `Unneeded`, unless it succeeds
 * @throws DriverError, Unneeded, and nothing else that a provider could cause
 */
export async function within<T>(
  seconds: number,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
  unneeded: AbortSignal = new AbortController().signal,
): Promise<T> {
  const patience = new AbortController();
  const late = new DriverError(
    "provider-down",
    `no answer within ${Math.ceil(seconds)} s (${what})`,
  );
  let settling: NodeJS.Timeout | undefined;
  const gaveUp = new Promise<never>((_, reject) => {
    patience.signal.addEventListener(
      "abort",
      () => {
        settling = setTimeout(() => reject(patience.signal.reason), SETTLE_MS);
      },
      { once: true },
    );
  });
  const timer = setTimeout(() => patience.abort(late), Math.max(0, seconds) * 1_000);
  const leave = () => patience.abort(new Unneeded(what));
  if (unneeded.aborted) leave();
  else unneeded.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([call(patience.signal), gaveUp]);
  } catch (error) {
    const { aborted, reason } = patience.signal;
    // Whatever it says when it was told to end, that is why.
    if (aborted && !(error instanceof DriverError)) throw reason;
    if (error instanceof DriverError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new DriverError("provider-down", `the driver failed: ${message}`, { cause: error });
  } finally {
    clearTimeout(timer);
    clearTimeout(settling);
    unneeded.removeEventListener("abort", leave);
  }
}
