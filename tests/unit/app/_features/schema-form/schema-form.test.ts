// Guarantee: a form is made of a driver's JSON Schema alone, holds whatever the document had, and
// writes back what a person changed and nothing else.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  controlOf,
  draftOf,
  draftsOf,
  writtenOf,
} from "../../../../../app/_features/schema-form/draft";
import { fieldsOf } from "../../../../../app/_features/schema-form/fields";
import type { JsonSchema } from "../../../../../server/domain/json-schema";

const options = z.strictObject({
  image: z.string().meta({ title: "Image", description: "What it boots", examples: ["debian:12"] }),
  hostname: z.string().nullish().meta({ description: "Its name" }),
  memory: z.number().int().min(64).default(1024).meta({ unit: "MiB" }),
  followStartupLogs: z.boolean().optional(),
  pull: z.enum(["always", "missing"]).optional(),
  volumes: z.array(z.string()).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  script: z.string().optional().meta({ multiline: true }),
  key: z.string().optional().meta({ secret: true }),
  tls: z.strictObject({ verify: z.boolean().optional(), ca: z.string() }).optional(),
  raw: z.json().optional(),
});
const schema = z.toJSONSchema(options, { io: "input" }) as JsonSchema;
const fields = fieldsOf(schema, schema);
const field = (name: string) => {
  const found = fields.find((one) => one.name === name);
  if (!found) throw new Error(`no field ${name}`);
  return found;
};
const kinds = (name: string) => field(name).controls.map(({ kind }) => kind);

describe("fields", () => {
  it("fit what a schema allows, and can always be written as YAML", () => {
    expect(Object.fromEntries(fields.map(({ name }) => [name, kinds(name)]))).toEqual({
      image: ["text", "yaml"],
      hostname: ["text", "yaml"],
      memory: ["number", "yaml"],
      followStartupLogs: ["yes-no", "yaml"],
      pull: ["choice", "yaml"],
      volumes: ["list", "yaml"],
      labels: ["map", "yaml"],
      command: ["text", "list", "yaml"],
      script: ["text", "yaml"],
      key: ["text", "yaml"],
      tls: ["group", "yaml"],
      raw: ["yaml"],
    });
  });

  it("carry what `.meta` says, and what counts when one is left out", () => {
    expect(field("image")).toMatchObject({
      title: "Image",
      description: "What it boots",
      example: "debian:12",
      isRequired: true,
    });
    expect(field("memory")).toMatchObject({ unit: "MiB", fallback: "1024", isRequired: false });
    expect(field("hostname").description).toBe("Its name");
    expect(field("key").controls[0]).toMatchObject({ isSecret: true });
    expect(field("script").controls[0]).toMatchObject({ isLong: true });
    expect(field("memory").controls[0]).toMatchObject({ isWhole: true, min: 64, max: null });
  });
});

describe("drafts", () => {
  const original = {
    image: "worker:1",
    hostname: null,
    memory: 2048,
    command: ["a", "b"],
    labels: { team: "ours" },
    volumes: [{ a: 1 }],
    tls: { ca: "pem" },
  };
  const drafts = draftsOf(fields, original);

  it("hold every value, each with the plainest control that can", () => {
    expect(drafts.command).toEqual({ kind: "list", items: ["a", "b"] });
    expect(drafts.volumes?.kind).toBe("yaml");
    expect(controlOf(field("tls"), draftOf(field("tls"), original.tls)).kind).toBe("group");
  });

  it("write back untouched options as they were, a null too", () => {
    const written = writtenOf(fields, drafts, original, new Set());
    expect(Object.fromEntries(written.map(({ path, value }) => [path[0], value]))).toEqual(
      original,
    );
  });

  it("write what was changed, and leave out what was emptied", () => {
    const changed = {
      ...drafts,
      image: { kind: "text", text: "worker:2" } as const,
      memory: { kind: "number", text: "" } as const,
      volumes: { kind: "list", items: ["/srv:/srv", ""] } as const,
      followStartupLogs: { kind: "yes-no", text: "false" } as const,
      raw: { kind: "yaml", text: "a: 1" } as const,
      tls: {
        kind: "group",
        drafts: { ca: { kind: "text", text: "other" }, verify: { kind: "yes-no", text: "" } },
      } as const,
    };
    const touched = new Set(["image", "memory", "volumes", "followStartupLogs", "raw", "tls"]);
    const written = writtenOf(fields, changed, original, touched);
    expect(written).toEqual([
      { path: ["image"], value: "worker:2" },
      { path: ["hostname"], value: null },
      { path: ["followStartupLogs"], value: false },
      { path: ["volumes"], value: ["/srv:/srv"] },
      { path: ["labels"], value: { team: "ours" } },
      { path: ["command"], value: ["a", "b"] },
      { path: ["tls", "ca"], value: "other" },
      { path: ["raw"], yaml: "a: 1" },
    ]);
  });

  it("send what is no number as it is, so that the server can say so", () => {
    const drafts = { memory: { kind: "number", text: "lots" } as const };
    expect(writtenOf([field("memory")], drafts, {}, new Set(["memory"]))).toEqual([
      { path: ["memory"], value: "lots" },
    ]);
  });
});
