/**
 * Keys and passwords on the worker: files that only it can read, in a directory of their own beside
 * the builder's. git and ssh are told where they are, so that no value is in a command line, an
 * address, a repository or a log. They go when the step ends; what a lost connection left behind
 * goes before the next checkout.
 */
import type { CommandEnd } from "../../domain/wire";
import type { Environment, StepContext } from "../contract";
import { fromMemory } from "./from-memory";
import type { GitOptions } from "./schema";

export interface Private {
  /** For every git command. */
  readonly env: Environment;
  readonly config: readonly string[];
}

const FILE_MODE = 0o600;
const BLOCK_BYTES = 65_536;

export class PrivateFiles {
  readonly #options: GitOptions;
  readonly #context: StepContext;
  /** Relative to the builder's directory, and absolute. */
  readonly directory: string;
  readonly #path: string;

  constructor(options: GitOptions, context: StepContext) {
    this.#options = options;
    this.#context = context;
    const separator = context.worker.system === "nt" ? "\\" : "/";
    const parts = context.builddir.split(/[/\\]/);
    const name = `.${parts.pop()}.slipway-git`;
    this.directory = `../${name}`;
    this.#path = [...parts, name].join(separator);
  }

  get areNeeded(): boolean {
    return this.#files().length > 0;
  }

  /** @returns the end that was no success, or null */
  async write(): Promise<CommandEnd | null> {
    const left = await this.remove();
    if (left) return left;
    const { system } = this.#context.worker;
    const made = await this.#context.command(
      system === "nt"
        ? { name: "mkdir", args: { dir: this.directory } }
        : {
            name: "shell",
            args: {
              command: ["mkdir", "-m", "700", this.directory],
              workdir: ".",
              logEnviron: false,
              timeout: 60,
            },
          },
    );
    if (!isDone(made)) return made;
    for (const [name, content] of this.#files()) {
      const end = await this.#context.command({
        name: "downloadFile",
        args: {
          workdir: this.directory,
          workerdest: name,
          maxsize: null,
          blocksize: BLOCK_BYTES,
          mode: FILE_MODE,
        },
        reader: fromMemory(content),
      });
      if (!isDone(end)) return end;
    }
    return null;
  }

  /** Also after a stop. @returns the end that was no success, or null */
  async remove(): Promise<CommandEnd | null> {
    const end = await this.#context.cleanUp({ name: "rmdir", args: { dir: this.directory } });
    return isDone(end) ? null : end;
  }

  settings(given: Environment): Private {
    const { git_credentials } = this.#options;
    const config = ["-c", "core.askPass="];
    if (this.#credentials() !== "") {
      // The empty one forgets whatever helpers the worker's own configuration names.
      config.push("-c", "credential.helper=");
      config.push("-c", `credential.helper=store --file=${quoted(this.#in("credentials"))}`);
    }
    if (git_credentials?.use_http_path) config.push("-c", "credential.useHttpPath=true");
    return {
      // Nobody is there to be asked.
      env: { GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "", SSH_ASKPASS: "", ...this.#ssh(given) },
      config,
    };
  }

  #ssh(given: Environment): Environment {
    const { sshPrivateKey, port, repourl } = this.#options;
    const { environ } = this.#context.worker;
    const hosts = this.#hosts();
    const isOurs = sshPrivateKey || hosts || port !== 22;
    // A worker, or its recipe, that has its own way to ssh keeps it.
    const hasOwn = ["GIT_SSH_COMMAND", "GIT_SSH"].some((key) => given[key] || environ[key]);
    if (!isOurs && hasOwn) return {};
    const options = ["-o BatchMode=yes"];
    // ssh takes the first port it is given: one that the address names goes before ours.
    if (port !== 22 && !/^ssh:\/\/[^/]*:\d+(\/|$)/.test(repourl)) options.push(`-p ${port}`);
    if (sshPrivateKey) {
      options.push(
        `-i ${quoted(this.#in("key"))}`,
        "-o IdentitiesOnly=yes",
        "-o IdentityAgent=none",
      );
    }
    if (hosts) {
      const none = this.#context.worker.system === "nt" ? "NUL" : "/dev/null";
      const file = this.#in("known_hosts").replaceAll("\\", "/");
      options.push("-o StrictHostKeyChecking=yes", `-o GlobalKnownHostsFile=${none}`);
      options.push(`-o ${quoted(`UserKnownHostsFile="${file}"`)}`);
    }
    return { GIT_SSH_COMMAND: `ssh ${options.join(" ")}` };
  }

  #files(): (readonly [name: string, content: string])[] {
    const { sshPrivateKey } = this.#options;
    const files: [string, string][] = [];
    if (sshPrivateKey) files.push(["key", lines(sshPrivateKey)]);
    if (this.#hosts()) files.push(["known_hosts", lines(this.#hosts())]);
    if (this.#credentials()) files.push(["credentials", this.#credentials()]);
    return files;
  }

  #hosts(): string {
    const { sshHostKey, sshKnownHosts } = this.#options;
    return sshHostKey ? `* ${sshHostKey.trim()}` : (sshKnownHosts ?? "");
  }

  /** In the form of git's own store: an address with user and password, one a line. */
  #credentials(): string {
    const { auth_credentials, git_credentials, repourl } = this.#options;
    const entries = (git_credentials?.credentials ?? []).map(readCredential);
    if (auth_credentials) {
      const [username, password] = auth_credentials;
      entries.unshift(readCredential(`url=${repourl}\nusername=${username}\npassword=${password}`));
    }
    return entries.map((entry) => `${entry}\n`).join("");
  }

  #in(name: string): string {
    return `${this.#path}${this.#path.includes("\\") ? "\\" : "/"}${name}`;
  }
}

/** @throws Error when it is none; its text is not told */
function readCredential(text: string): string {
  const fields = new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const equals = line.indexOf("=");
      return equals < 0 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]];
    }),
  );
  const url = fields.has("url") ? new URL(fields.get("url") as string) : null;
  const protocol = fields.get("protocol") ?? url?.protocol.slice(0, -1);
  const host = fields.get("host") ?? url?.host;
  const username = fields.get("username") ?? decodeURIComponent(url?.username ?? "");
  const password = fields.get("password") ?? decodeURIComponent(url?.password ?? "");
  if (!protocol || !host || !username || !password) {
    throw new Error("a credential needs url (or protocol and host), username and password");
  }
  const path = fields.get("path") ?? url?.pathname.replace(/^\//, "") ?? "";
  const user = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
  return `${protocol}://${user}@${host}${path ? `/${path}` : ""}`;
}

const isDone = (end: CommandEnd) => end.kind === "completed" && end.rc === 0;

/** ssh reads no key whose last line is not ended, nor one with carriage returns. */
const lines = (text: string) => `${text.replaceAll("\r\n", "\n").trimEnd()}\n`;

/** For the shell that git hands it to. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
