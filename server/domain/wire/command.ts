/**
 * Commands a master gives a worker, before any protocol encodes them.
 *
 * Names and meanings are those of the wire (protocol §4.1, Perspective Broker spelling), so that
 * encoding for PB is the identity. Paths are relative to the builder's directory; a protocol that
 * wants absolute paths joins them with the worker's `basedir`.
 */

/** One argument of an argv; `shown` stands in for `real` wherever the command line is printed. */
export type Argument = string | { readonly real: string; readonly shown: string };

export interface ShellArgs {
  /** A string is run by `/bin/sh -c` (`cmd.exe /c` on Windows), a list is an argv. */
  readonly command: string | readonly Argument[];
  readonly workdir: string;
  /** null removes the variable; a list is joined with the worker's path separator. */
  readonly env?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly want_stdout?: boolean;
  readonly want_stderr?: boolean;
  readonly logfiles?: Readonly<
    Record<string, string | { readonly filename: string; readonly follow: boolean }>
  >;
  /** Seconds without output before the command is killed; null never. */
  readonly timeout?: number | null;
  /** Seconds in all before the command is killed; null never. */
  readonly maxTime?: number | null;
  readonly max_lines?: number | null;
  readonly sigtermTime?: number | null;
  /** Signal name without `SIG`. */
  readonly interruptSignal?: string;
  readonly usePTY?: boolean;
  readonly logEnviron?: boolean;
  readonly initial_stdin?: string | null;
}

export interface TreeArgs {
  readonly timeout?: number | null;
  readonly maxTime?: number | null;
  readonly logEnviron?: boolean;
}

/** Every command of protocol §4.1 that needs no file transfer. */
export type Command =
  | { readonly name: "shell"; readonly args: ShellArgs }
  | { readonly name: "mkdir"; readonly args: { readonly dir: string } }
  | {
      readonly name: "rmdir";
      readonly args: { readonly dir: string | readonly string[] } & TreeArgs;
    }
  | {
      readonly name: "cpdir";
      readonly args: { readonly fromdir: string; readonly todir: string } & TreeArgs;
    }
  | { readonly name: "stat"; readonly args: { readonly file: string; readonly workdir?: string } }
  | { readonly name: "glob"; readonly args: { readonly path: string } }
  | { readonly name: "listdir"; readonly args: { readonly dir: string } }
  | { readonly name: "rmfile"; readonly args: { readonly path: string } }
  | { readonly name: "uploadFile"; readonly args: UploadFileArgs; readonly writer: FileWriter }
  | {
      readonly name: "uploadDirectory";
      readonly args: UploadDirectoryArgs;
      readonly writer: DirectoryWriter;
    }
  | {
      readonly name: "downloadFile";
      readonly args: DownloadFileArgs;
      readonly reader: FileReader;
    };

export interface UploadFileArgs {
  readonly workdir: string;
  readonly workersrc: string;
  readonly maxsize: number | null;
  readonly blocksize: number;
  readonly keepstamp: boolean;
}

export interface UploadDirectoryArgs {
  readonly workdir: string;
  readonly workersrc: string;
  readonly maxsize: number | null;
  readonly blocksize: number;
  readonly compress: null | "gz" | "bz2";
}

export interface DownloadFileArgs {
  readonly workdir: string;
  readonly workerdest: string;
  readonly maxsize: number | null;
  readonly blocksize: number;
  /** Permission bits as a decimal integer, 493 = 0755; null leaves them. */
  readonly mode: number | null;
}

/**
 * Where an upload goes. Each call is answered to the worker once its promise settles.
 *
 * When a call rejects, no further call is made, the worker is stopped, and the command ends as
 * `failed` with that message. So what was written is whole only if the command completed with rc 0:
 * `close` alone does not say so, since a worker calls it for a file that it could not open, too.
 */
export interface FileWriter {
  write(block: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Seconds since the epoch; comes after `close` when `keepstamp` was asked for. */
  utime(accessTime: number, modifiedTime: number): Promise<void>;
}

/** Where a directory upload goes: the pieces of one tar stream. Rejections as for `FileWriter`. */
export interface DirectoryWriter {
  write(block: Uint8Array): Promise<void>;
  unpack(): Promise<void>;
}

/** Where a download comes from. An empty block ends it. Rejections as for `FileWriter`. */
export interface FileReader {
  read(length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** `mode, inode, dev, nlink, uid, gid, size, atime, mtime, ctime` of the file, as numbers. */
export type StatResult = readonly number[];

/**
 * What a running command reports, in the order of the wire (protocol §4.2).
 *
 * Text stays bytes from the socket to the log, so a long log is never turned into strings on its
 * way. Workers send UTF-8; nobody has checked that it is. The views alias the receive buffer, whole
 * chunks of it: copy what outlives the call (or the promise it returned).
 *
 * A sink that throws or rejects does not stop the command: that text is lost, and the command ends
 * as `failed`.
 */
export interface CommandSink {
  /**
   * Output of the command. A returned promise is back-pressure: until it settles the protocol
   * stops reading that worker's socket.
   */
  output(stream: "stdout" | "stderr" | "header", text: Uint8Array): void | Promise<void>;
  /** Text of a watched log file. Same back-pressure. */
  log(name: string, text: Uint8Array): void | Promise<void>;
  /** Values of `stat` and `glob`/`listdir`. `rc`, `elapsed` and `failure_reason` are in the end. */
  stat?(value: StatResult): void;
  files?(names: readonly string[]): void;
}

export type FailureReason = "timeout_without_output" | "timeout" | "max_lines_failure";

/** How a command ended. Every command has exactly one end; `run` never rejects. */
export type CommandEnd =
  | {
      readonly kind: "completed";
      /** Exit status; -1 killed by a signal; errno of a file command; null when none was sent. */
      readonly rc: number | null;
      readonly elapsedSeconds: number | null;
      readonly failureReason: FailureReason | null;
    }
  /** The worker could not run it: unknown command, bad arguments, an exception in the worker. */
  | { readonly kind: "failed"; readonly message: string }
  /** The connection went away before the end was heard. */
  | { readonly kind: "lost"; readonly message: string };
