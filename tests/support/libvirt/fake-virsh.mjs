#!/usr/bin/env node
// A virsh that keeps its domains in a folder and does as it is told: away, slow, cut off, forgetful. It
// says what virsh 9 says, knows what the driver uses, and notes whatever virsh would not take.
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.FAKE_VIRSH;
const say = (text) => process.stdout.write(text);
const refuse = (...lines) => {
  process.stderr.write(lines.map((line) => `error: ${line}\n`).join(""));
  return false;
};
const fault = (what) => {
  appendFileSync(join(folder, "faults"), `${what}\n`);
  return refuse(what);
};

const [quiet, connect, uri, ...args] = process.argv.slice(2);
if (quiet !== "-q" || connect !== "-c" || !uri) fault(`called with ${process.argv.slice(2)}`);
if (process.env.LC_ALL !== "C") fault("called in a language of its own");
if (process.argv.some((arg) => arg.includes("correct horse"))) fault("a password in an argument");

const told = JSON.parse(readFileSync(join(folder, "told"), "utf8"));
const whole = args.length === 1 && args[0].includes(" ");
const verb = whole ? args[0].split(" ")[0] : args[0];
const lines = whole ? args[0].split(";").map((each) => each.trim().split(" ")) : [args];
appendFileSync(join(folder, "calls"), `${verb}\n`);
if (told.away) {
  refuse(
    "failed to connect to the hypervisor",
    "Failed to connect socket to '/run/x': No such file or directory",
  );
  process.exit(1);
}
if (told.silent?.includes(verb)) await new Promise((resolve) => setTimeout(resolve, 600_000));
if (told.slow?.[verb]) await new Promise((resolve) => setTimeout(resolve, told.slow[verb]));

for (let tries = 0; ; tries += 1) {
  try {
    mkdirSync(join(folder, "lock"));
    break;
  } catch {
    if (tries > 2_000) throw new Error("locked");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
let done = false;
const file = join(folder, "domains");
try {
  const domains = JSON.parse(readFileSync(file, "utf8"));
  for (const line of lines) done = run(domains, line);
  writeFileSync(file, JSON.stringify(domains));
} finally {
  rmdirSync(join(folder, "lock"));
}
if (told.cutOff?.includes(verb)) {
  refuse(
    "Disconnected from qemu:///system due to end of file",
    "End of file while reading data: Input/output error",
  );
  done = false;
}
process.exit(done ? 0 : 1);

function run(domains, [what, ...rest]) {
  const at = (option) => rest[rest.indexOf(option) + 1];
  const has = (option) => rest.includes(option);
  const find = (name) => domains.find((one) => one.uuid === name || one.name === name);
  const one = find(what === "domuuid" ? at("--domain") : rest[0]);
  const needsOne = !["list", "echo", "create", "version"].includes(what);
  if (needsOne && !one) return refuse(`failed to get domain '${rest[0]}'`);
  if (one && told.vanish === what) {
    domains.splice(domains.indexOf(one), 1);
    return refuse(`Domain not found: no domain with matching uuid '${one.uuid}' (${one.name})`);
  }
  switch (what) {
    case "echo":
      say(rest.join(" "));
      return true;
    case "version":
      say("Using API: QEMU 9.0.0\nRunning hypervisor: QEMU 7.2.22\n");
      return true;
    case "list":
      for (const each of domains.filter(({ state }) => has("--all") || state !== "shut off"))
        say(`${each.uuid} ${has("--name") ? each.name : ""}\n`);
      return true;
    case "domuuid":
      say(`${one.uuid}\n`);
      return true;
    case "domstate":
      say(`${told.lie ?? `${one.state} (${one.reason})`}\n\n`);
      return true;
    case "domid":
      say(`${one.state === "shut off" ? "-" : one.run}\n`);
      return true;
    case "domblklist":
      for (const disk of one.disks) say(` vda   ${disk}\n`);
      return true;
    case "metadata":
      return metadata(one, { uri: at("--uri"), isEdit: has("--edit"), isRemoval: has("--remove") });
    case "create": {
      const xml = readFileSync(rest[0], "utf8");
      const name = /<name>(.*?)<\/name>/.exec(xml)?.[1];
      const uuid = /<uuid>(.*?)<\/uuid>/.exec(xml)?.[1];
      if (!name || !uuid || xml.includes("{{")) return fault(`created from ${xml}`);
      const known = find(uuid) ?? find(name);
      if (known) {
        return refuse(
          `Failed to create domain from ${rest[0]}`,
          `operation failed: domain '${name}' already exists with uuid ${known.uuid}`,
        );
      }
      if (xml.includes("no-such-machine")) {
        return refuse(
          `Failed to create domain from ${rest[0]}`,
          `unsupported configuration: ${xml.slice(0, 2_000)}`,
        );
      }
      const marks = told.forgetful ? {} : elements(xml);
      const disks = [...xml.matchAll(/<source file='(.*?)'/g)].map(([, path]) => path);
      domains.push({ name, uuid, marks, isTransient: true, disks, ...started() });
      return true;
    }
    case "start":
      if (one.state !== "shut off") return refuse("Domain is already active");
      Object.assign(one, started());
      return true;
    case "shutdown":
      return true;
    case "destroy":
      if (one.state === "shut off") {
        return refuse(
          `Failed to destroy domain '${rest[0]}'`,
          "Requested operation is not valid: domain is not running",
        );
      }
      end(domains, one);
      return true;
    default:
      return fault(`no command ${what}`);
  }
}

function metadata(one, { uri: of, isEdit, isRemoval }) {
  if (isEdit) {
    const edited = join(folder, `edited-${randomUUID()}`);
    execFileSync("sh", ["-c", `${process.env.EDITOR} ${edited}`], { stdio: "inherit" });
    one.marks[of] = readFileSync(edited, "utf8");
    return true;
  }
  const mark = one.marks[of];
  if (mark === undefined)
    return refuse("metadata not found: Requested metadata element is not present");
  if (isRemoval) delete one.marks[of];
  else say(`${mark}\n\n`);
  return true;
}

/** By namespace, without its prefix. */
function elements(xml) {
  const found = xml.matchAll(/<m:(\w+) xmlns:m="([^"]+)"([^>]*)\/>/g);
  return Object.fromEntries(
    [...found].map(([, name, of, attributes]) => [of, `<${name}${attributes}/>`]),
  );
}

function started() {
  return { state: "running", reason: "booted", run: Math.floor(Math.random() * 1e9) };
}

function end(domains, one) {
  if (one.isTransient) domains.splice(domains.indexOf(one), 1);
  else Object.assign(one, { state: "shut off", reason: "destroyed" });
}
