/**
 * Domains of ours that end by themselves, as their hypervisor says it: one virsh that listens for each
 * hypervisor and process, as long as somebody waits for such a word. It is a hint: what is missed is
 * seen at the next look, and whoever looks listens anew.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { endAll } from "./command";

/** Nobody would end it if we were killed. */
const LISTENS_SECONDS = 600;
const ENDED = /^event 'lifecycle' for domain '?([a-z0-9-]+)'?: (?:Stopped|Crashed)\b/;

interface Listening {
  /** By the domain's name. */
  readonly waiting: Map<string, () => void>;
  readonly virsh: ChildProcess;
}

export class Ends {
  readonly #open = new Map<string, Listening>();

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  hear(uri: string, domain: string, ended: () => void): void {
    const listening = this.#open.get(uri) ?? this.#listen(uri);
    listening.waiting.set(domain, ended);
  }

  /** Its end is no news. */
  forget(uri: string, domain: string): void {
    const listening = this.#open.get(uri);
    if (!listening?.waiting.delete(domain) || listening.waiting.size > 0) return;
    this.#open.delete(uri);
    endAll(listening.virsh);
  }

  #listen(uri: string): Listening {
    const until = ["--loop", "--timeout", String(LISTENS_SECONDS)];
    const virsh = spawn("virsh", ["-q", "-c", uri, "event", "--event", "lifecycle", ...until], {
      // As every program of this driver: it can ask nobody, and speaks English.
      ...{ detached: true, stdio: ["ignore", "pipe", "ignore"] },
      env: { ...this.env, LC_ALL: "C" } as unknown as NodeJS.ProcessEnv,
    });
    const listening = { waiting: new Map<string, () => void>(), virsh };
    this.#open.set(uri, listening);
    const over = () => {
      if (this.#open.get(uri) === listening) this.#open.delete(uri);
    };
    virsh.once("error", over).once("exit", over);
    virsh.unref();
    createInterface({ input: virsh.stdout }).on("line", (line) => {
      const domain = ENDED.exec(line)?.[1];
      const ended = domain === undefined ? undefined : listening.waiting.get(domain);
      if (domain !== undefined && this.#open.get(uri) === listening) this.forget(uri, domain);
      ended?.();
    });
    return listening;
  }
}
