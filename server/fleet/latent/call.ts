/** Asking a provider: bounded in time, and with its own five words for what goes wrong. */
import { DriverError } from "../../drivers/contract";

/** @throws DriverError, and nothing else that a provider could cause */
export async function within<T>(
  seconds: number,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const late = new DriverError(
    "provider-down",
    `no answer within ${Math.ceil(seconds)} s (${what})`,
  );
  const timer = setTimeout(() => patience.abort(late), Math.max(0, seconds) * 1_000);
  const gaveUp = new Promise<never>((_, reject) => {
    patience.signal.addEventListener("abort", () => reject(late), { once: true });
  });
  try {
    return await Promise.race([call(patience.signal), gaveUp]);
  } catch (error) {
    if (error instanceof DriverError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new DriverError("provider-down", `the driver failed: ${message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
