// Guarantee: a lock stays with a build whose worker is away and comes back: nobody has it meanwhile, a step
// that held it goes on with it, and one that waited keeps its place in the line (CORE §11).
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SUCCESS } from "../../server/domain/builds";
import type { WorkerId } from "../../server/domain/ids";
import type { Listening } from "../../server/protocols/contract";
import { pbProtocol } from "../../server/protocols/pb";
import { createRig, isFinished, type Rig, type SocketProcess, until } from "../support/engine-rig";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";

const OPTIONS = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };

let rig: Rig;
let socket: SocketProcess;
let away: Listening;
let near: Listening;
const workers: SlipwayWorker[] = [];

/** Two doors, so that one worker may lose its own. */
beforeEach(async () => {
  rig = await createRig();
  socket = await rig.socket();
  away = await pbProtocol.listen(socket.sessions.door, OPTIONS);
  near = await pbProtocol.listen(socket.sessions.door, OPTIONS);
  await rig.db.rows(
    "insert into lock (org_id, kind, name, max_count, places) values (1, 'MasterLock', 'port', 1, 1)",
  );
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop();
  await away.close();
  await near.close();
  await rig.close();
});

async function worker(name: string, { port }: Listening): Promise<[WorkerId, SlipwayWorker]> {
  const id = await rig.addWorker(name);
  const made = await startSlipwayWorker({ port, name, password: "pass" });
  workers.push(made);
  return [id, made];
}

/** A builder whose one step has the lock until there is a file `gate` in its worker's directory. */
const using = (name: string, [id, { dir }]: [WorkerId, SlipwayWorker]) =>
  rig.addBuilder(
    name,
    [id],
    [
      {
        ...{ type: "ShellCommand", name: "use", locks: ["port"] },
        command: `touch ${dir}/begun; while ! [ -e ${dir}/gate ]; do sleep 0.05; done`,
      },
    ],
  );

const open = ([, { dir }]: [WorkerId, SlipwayWorker]) => writeFileSync(join(dir, "gate"), "");
const waits = ({ state_string }: { state_string: string }) =>
  state_string.startsWith("waiting for lock port");
const isAway = ({ state_string }: { state_string: string }) =>
  state_string.startsWith("waiting for worker");

async function holders(): Promise<string[]> {
  const rows = await rig.db.rows<{ name: string }>(
    `select r.name from lock_owner o join build b on b.id = o.build_id join builder r on r.id = b.builder_id`,
  );
  return rows.map(({ name }) => name);
}

it("held by a step whose worker is away is nobody else's", async () => {
  const first = await worker("w1", away);
  const second = await worker("w2", near);
  const one = await rig.force(await using("first", first));
  await until(() => existsSync(join(first[1].dir, "begun")));
  const two = await rig.force(await using("second", second));
  await rig.build(two, waits);

  await away.close();
  await rig.build(one, isAway);
  expect(await holders()).toEqual(["first"]);
  away = await pbProtocol.listen(socket.sessions.door, { ...OPTIONS, port: away.port });
  await rig.build(one, (build) => !isAway(build));
  expect(await rig.build(two, waits)).toBeTruthy();
  open(first);
  open(second);
  expect(await rig.build(one, isFinished)).toMatchObject({ result: SUCCESS });
  expect(await rig.build(two, isFinished)).toMatchObject({ result: SUCCESS });
  expect(await rig.builds(one)).toHaveLength(1);
  expect(await holders()).toEqual([]);
});

it("is waited for while the worker is away, in the same place", async () => {
  const first = await worker("w1", near);
  const second = await worker("w2", away);
  const third = await worker("w3", near);
  const one = await rig.force(await using("first", first));
  await until(() => existsSync(join(first[1].dir, "begun")));
  const two = await rig.force(await using("second", second));
  await rig.build(two, waits);
  const three = await rig.force(await using("third", third));
  await rig.build(three, waits);

  await away.close();
  await rig.build(two, isAway);
  open(first);
  expect(await rig.build(one, isFinished)).toMatchObject({ result: SUCCESS });
  away = await pbProtocol.listen(socket.sessions.door, { ...OPTIONS, port: away.port });
  await until(async () => (await holders()).includes("second"));
  expect(existsSync(join(third[1].dir, "begun"))).toBe(false);
  open(second);
  open(third);
  expect(await rig.build(two, isFinished)).toMatchObject({ result: SUCCESS });
  expect(await rig.build(three, isFinished)).toMatchObject({ result: SUCCESS });
  expect(await rig.builds(two)).toHaveLength(1);
});
