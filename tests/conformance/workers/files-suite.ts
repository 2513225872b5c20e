/** Files and directories: made, listed, copied, removed, and moved both ways. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Command } from "../../../server/domain/wire";
import type { Bench, Check } from "./kind";

export function filesSuite(check: Check, bench: () => Bench): void {
  const build = (...path: string[]) => join(bench().worker.dir, "b1", "build", ...path);

  check("trees", "makes, lists, copies, looks at and removes files and directories", async () => {
    mkdirSync(build("tree", "sub"), { recursive: true });
    writeFileSync(build("tree", "file"), "12345");
    expect(
      (await bench().run({ name: "mkdir", args: { dir: "build/made/deep" } }))[0],
    ).toMatchObject({
      rc: 0,
    });
    expect(statSync(build("made", "deep")).isDirectory()).toBe(true);

    const [, listed] = await bench().run({ name: "listdir", args: { dir: "build/tree" } });
    expect([...(listed.names ?? [])].sort()).toEqual(["file", "sub"]);
    const [, globbed] = await bench().run({ name: "glob", args: { path: "build/tree/f*" } });
    expect(globbed.names).toEqual([build("tree", "file")]);

    const [, looked] = await bench().run({
      name: "stat",
      args: { file: "tree/file", workdir: "build" },
    });
    const real = statSync(build("tree", "file"));
    expect(looked.stats?.slice(0, 2)).toEqual([real.mode, real.ino]);
    expect(looked.stats?.[6]).toBe(5);

    const copy: Command = {
      name: "cpdir",
      args: { fromdir: "build/tree", todir: "build/copy", logEnviron: false },
    };
    expect((await bench().run(copy))[0]).toMatchObject({ rc: 0 });
    expect(readFileSync(build("copy", "file"), "utf8")).toBe("12345");

    expect(
      (await bench().run({ name: "rmfile", args: { path: "build/copy/file" } }))[0],
    ).toMatchObject({
      rc: 0,
    });
    expect(existsSync(build("copy", "file"))).toBe(false);
    const remove: Command = {
      name: "rmdir",
      args: { dir: ["build/copy", "build/made"], logEnviron: false },
    };
    expect((await bench().run(remove))[0]).toMatchObject({ rc: 0 });
    expect(existsSync(build("copy")) || existsSync(build("made"))).toBe(false);
    const [missing] = await bench().run({ name: "stat", args: { file: "build/none" } });
    expect(missing).toMatchObject({ kind: "completed", rc: 2 });
  });

  check("transfers", "uploads with times, downloads with a mode, uploads a directory", async () => {
    const content = Buffer.alloc(700_000, "block of a file ");
    writeFileSync(build("up"), content);
    const calls: string[] = [];
    const blocks: Buffer[] = [];
    let times: number[] = [];
    const [up] = await bench().run({
      name: "uploadFile",
      args: {
        workdir: "build",
        workersrc: "up",
        maxsize: null,
        blocksize: 262_144,
        keepstamp: true,
      },
      writer: {
        async write(block) {
          calls.push("write");
          blocks.push(Buffer.from(block));
        },
        async close() {
          calls.push("close");
        },
        async utime(accessTime, modifiedTime) {
          calls.push("utime");
          times = [accessTime, modifiedTime];
        },
      },
    });
    expect(up).toMatchObject({ kind: "completed", rc: 0 });
    expect(calls).toEqual(["write", "write", "write", "close", "utime"]);
    expect(Buffer.concat(blocks).equals(content)).toBe(true);
    expect(Math.abs((times[1] ?? 0) - statSync(build("up")).mtimeMs / 1000)).toBeLessThan(0.001);

    let offset = 0;
    const [down] = await bench().run({
      name: "downloadFile",
      args: {
        workdir: "build",
        workerdest: "new/down",
        maxsize: null,
        blocksize: 100_000,
        mode: 0o750,
      },
      reader: {
        async read(length) {
          const block = content.subarray(offset, offset + length);
          offset += block.length;
          return block;
        },
        async close() {},
      },
    });
    expect(down).toMatchObject({ kind: "completed", rc: 0 });
    expect(readFileSync(build("new/down")).equals(content)).toBe(true);
    expect(statSync(build("new/down")).mode & 0o777).toBe(0o750);

    mkdirSync(build("dir", "inner"), { recursive: true });
    writeFileSync(build("dir", "inner", "leaf"), "leaf");
    const pieces: Buffer[] = [];
    let unpacked = 0;
    const [directory] = await bench().run({
      name: "uploadDirectory",
      args: {
        workdir: "build",
        workersrc: "dir",
        maxsize: null,
        blocksize: 16_384,
        compress: "gz",
      },
      writer: {
        async write(block) {
          pieces.push(Buffer.from(block));
        },
        async unpack() {
          unpacked++;
        },
      },
    });
    expect(directory).toMatchObject({ kind: "completed", rc: 0 });
    expect(unpacked).toBe(1);
    const names = spawnSync("tar", ["tzf", "-"], { input: Buffer.concat(pieces) }).stdout;
    expect(names.toString()).toContain("inner/leaf");
  });

  check(
    "transfer-failures",
    "tells that a file to upload is missing, and that ours cannot be written or read",
    async () => {
      const args = {
        workdir: "build",
        maxsize: null,
        blocksize: 4096,
        keepstamp: false,
      } as const;
      const calls: string[] = [];
      const [missing, sink] = await bench().run({
        name: "uploadFile",
        args: { ...args, workersrc: "nowhere" },
        writer: {
          async write() {
            calls.push("write");
          },
          async close() {
            calls.push("close");
          },
          async utime() {},
        },
      });
      expect(missing).toMatchObject({ kind: "completed", rc: 1 });
      expect(sink.text("stderr")).toContain("Cannot open file");
      expect(calls).toEqual(["close"]);

      writeFileSync(build("some"), "content");
      const [failed] = await bench().run({
        name: "uploadFile",
        args: { ...args, workersrc: "some" },
        writer: {
          async write() {
            throw new Error("our disk is full");
          },
          async close() {},
          async utime() {},
        },
      });
      expect(failed).toEqual({ kind: "failed", message: "our disk is full" });
      const [unread] = await bench().run({
        name: "downloadFile",
        args: { workdir: "build", workerdest: "x", maxsize: null, blocksize: 4096, mode: null },
        reader: {
          async read() {
            throw new Error("our file is gone");
          },
          async close() {},
        },
      });
      expect(unread).toEqual({ kind: "failed", message: "our file is gone" });
    },
  );
}
