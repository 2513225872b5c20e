/**
 * What a null worker does when it is given a command.
 *
 * A behaviour is a function; `scripted` makes one of a list of steps, which is enough for most tests:
 *
 *     scripted({ stdout: "compiling\n" }, { wait: gate }, { rc: 0 })
 */
import type { Command, CommandEnd, CommandSink, StatResult } from "../../domain/wire";
import type { Keeping } from "../contract";

export interface NullCommand {
  readonly builder: string;
  readonly command: Command;
  readonly sink: CommandSink;
  /** Fires when the command is interrupted, and when the worker is lost. */
  readonly stop: AbortSignal;
  readonly keep: Keeping | null;
}

export type Behaviour = (running: NullCommand) => CommandEnd | Promise<CommandEnd>;

export type ScriptStep =
  | { readonly stdout: string | Uint8Array }
  | { readonly stderr: string | Uint8Array }
  | { readonly header: string | Uint8Array }
  | { readonly log: string; readonly text: string | Uint8Array }
  | { readonly stat: StatResult }
  | { readonly files: readonly string[] }
  /** Goes on when the promise settles, or when the command is interrupted. */
  | { readonly wait: Promise<unknown> }
  /** Ends the command. */
  | { readonly rc: number }
  | { readonly fail: string };

/** The end of a command that ran to its end. */
export function completed(rc: number | null): CommandEnd {
  return { kind: "completed", rc, elapsedSeconds: 0, failureReason: null };
}

/** Does the steps in order; ends with rc 0 behind the last, and with rc -1 when interrupted. */
export function scripted(...steps: readonly ScriptStep[]): Behaviour {
  return async ({ sink, stop }) => {
    for (const step of steps) {
      if (stop.aborted) return completed(-1);
      if ("stdout" in step) await sink.output("stdout", bytesOf(step.stdout));
      else if ("stderr" in step) await sink.output("stderr", bytesOf(step.stderr));
      else if ("header" in step) await sink.output("header", bytesOf(step.header));
      else if ("log" in step) await sink.log(step.log, bytesOf(step.text));
      else if ("stat" in step) sink.stat?.(step.stat);
      else if ("files" in step) sink.files?.(step.files);
      else if ("wait" in step) await Promise.race([step.wait, fired(stop)]);
      else if ("rc" in step) return completed(step.rc);
      else return { kind: "failed", message: step.fail };
    }
    return completed(stop.aborted ? -1 : 0);
  };
}

/** Runs until it is interrupted. */
export const untilStopped: Behaviour = async ({ stop }) => {
  await fired(stop);
  return completed(-1);
};

function fired(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}
