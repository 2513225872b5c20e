/**
 * What is configured of a worker on a libvirt domain (spec 10.6). Nothing is filled in here: defaults
 * are the driver's.
 */
import { z } from "zod";
import { BUILD_WAIT_SECONDS } from "../../domain/latent";
import { agentOptions } from "../agent-schema";
import { uriProblem } from "./uri-schema";

/** What `xml` may name, and what stands there in a machine's own definition. */
export const PLACEHOLDERS = {
  key: "the machine's name at the hypervisor",
  name: "what its worker logs in as",
  password: "its password, another one for each machine",
  master: "where it logs in, HOST:PORT",
  host: "the host of that",
  port: "the port of that",
  protocol: "pb or msgpack_experimental_v7",
  hd_image: "the machine's disk",
  login_image: "a small raw disk that says all of the above, beside hd_image",
  console: "a file for the machine's console, beside hd_image",
} as const;

export type Placeholder = keyof typeof PLACEHOLDERS;

export const PLACEHOLDER = /\{\{\s*([a-z_]+)\s*\}\}/g;

export const placeholdersIn = (text: string): string[] =>
  [...text.matchAll(PLACEHOLDER)].map(([, name]) => name as string);

/** Those that are files beside the disk. */
const BESIDE_THE_DISK = ["login_image", "console"];

interface OptionProblem {
  readonly path: readonly string[];
  readonly message: string;
}

const isPlain = (value: string) => !/\p{C}/u.test(value);

const uri = z
  .string()
  .max(1_000)
  .superRefine((value, context) => {
    const message = uriProblem(value);
    if (message !== null) context.addIssue({ code: "custom", message });
  })
  .meta({
    title: "Hypervisor",
    description:
      "Its URI as virsh takes it, of any libvirt driver that keeps metadata. Left out: qemu:///system.",
  });

const path = z
  .string()
  .max(1_000)
  .refine((value) => value.startsWith("/") && isPlain(value) && !value.endsWith("/"), {
    message: "must be the absolute path of a file",
  });

export const libvirtOptions = {
  uri: uri.optional(),
  hd_image: path
    .nullable()
    .refine((value) => placeholdersIn(value ?? "").every((name) => name === "key"), {
      message: "may have {{key}} in it, and no other placeholder",
    })
    .optional()
    .meta({
      title: "Disk",
      description: "The file that is the machine's disk, on the hypervisor's host.",
    }),
  base_image: path.nullable().optional().meta({
    title: "Base image",
    description:
      "Cloned to the disk before each start; the clone goes when the machine is stopped, so each build begins with what is in here.",
  }),
  cheap_copy: z.boolean().optional().meta({
    title: "Clone by reference",
    description:
      "The clone is a qcow2 file that holds only what differs from the base image. Off: a full copy. Left out: on.",
  }),
  xml: z
    .string()
    .max(200_000)
    .refine((value) => /<domain[\s>]/.test(value), { message: "must be a <domain> of libvirt" })
    .superRefine((value, context) => {
      const known = Object.keys(PLACEHOLDERS);
      const unknown = placeholdersIn(value).find((name) => !known.includes(name));
      if (!unknown) return;
      context.addIssue(`knows no {{${unknown}}}; there are ${known.join(", ")}`);
    })
    .nullable()
    .optional()
    .meta({
      title: "Domain",
      description:
        "The definition of a domain that exists only while it runs. Left out: a domain of the worker's name is defined at the hypervisor already.",
    }),
  ...agentOptions,
};

/** The worker's name is that of its domain, whatever its machine logs in as. */
const written = z.object({ ...libvirtOptions, name: z.string().optional() });

/** What does not go together; what is no text is somebody else's to complain of. */
export function libvirtProblems(options: Readonly<Record<string, unknown>>): OptionProblem[] {
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  const [base, disk, xml] = [options.base_image, options.hd_image, options.xml].map(text);
  const problem = (option: string, message: string) => [{ path: [option], message }];
  if (base && !disk) return problem("base_image", "is cloned to hd_image, which is missing");
  if (base && base === disk) return problem("base_image", "must not be hd_image itself");
  if (!xml) {
    const isVaried = placeholdersIn(disk ?? "").length > 0;
    return isVaried
      ? problem("hd_image", "is the disk of a defined domain and cannot have {{key}}")
      : [];
  }
  const named = placeholdersIn(xml);
  const isDiskUsed = named.includes("hd_image") || (disk && xml.includes(disk));
  if (base && !isDiskUsed) {
    return problem("xml", "does not use hd_image: write {{hd_image}} as its disk");
  }
  const beside = named.find((name) => ["hd_image", ...BESIDE_THE_DISK].includes(name));
  return beside && !disk ? problem("xml", `names {{${beside}}}, and hd_image is missing`) : [];
}

export const libvirtConfigSchema = written
  .superRefine((options, context) => {
    for (const { path, message } of libvirtProblems(options)) {
      context.addIssue({ code: "custom", message, path: [...path] });
    }
  })
  .transform((options) => ({
    uri: options.uri ?? "qemu:///system",
    disk: options.hd_image ?? null,
    base: options.base_image ?? null,
    isCheapCopy: options.cheap_copy ?? true,
    xml: options.xml ?? null,
    name: options.name ?? null,
  }));

/** with a base image each build has a machine of its own. */
export const libvirtBuildWaitSeconds = ({ base_image: base }: { readonly base_image?: unknown }) =>
  base ? 0 : BUILD_WAIT_SECONDS;

export type LibVirtConfig = z.output<typeof libvirtConfigSchema>;
