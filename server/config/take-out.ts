/**
 * Takes hidden values out of documents: what is stored, versioned, shown and exported holds
 * `%(secret:NAME)s` in their places, in the value and in the text. Pure.
 */
import { documentSchemas } from "./document-schema";
import { literals, secretNameOf } from "./hidden-options";
import { list, record } from "./legible";
import { referenceTo } from "./references";
import { type Replacement, replaceTexts, rewriteText } from "./rewrite-text";
import type { Documents, OrganizationDocument, ProjectDocument } from "./schema";
import type { Path } from "./source";

/** One document as it is to be stored. */
export interface Prepared {
  /** Null: the organisation's own. */
  readonly project: string | null;
  readonly document: OrganizationDocument | ProjectDocument;
  readonly text: string;
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  readonly sealed: readonly Sealed[];
}

/** A password of before, `{sealed: …}`: it becomes this secret. */
export interface Sealed {
  readonly worker: string;
  readonly secret: string;
  readonly path: Path;
}

/** @param textOf the text that is active, for a document that a program changed */
export function prepare(
  { organization, projects, texts }: Documents,
  textOf: (project: string | null) => string,
): Prepared[] {
  const { organization: own, project } = documentSchemas();
  const written = (name: string | null, document: object): string => {
    const text = name === null ? texts?.organization : texts?.projects[name];
    return text ?? rewriteText(textOf(name), document);
  };
  return [
    ...(organization
      ? [takeOut({ project: null, scope: ["worker"], schema: own }, organization, written)]
      : []),
    ...Object.entries(projects).map(([name, document]) =>
      takeOut({ project: name, scope: ["project", name], schema: project }, document, written),
    ),
  ];
}

interface Kind {
  readonly project: string | null;
  /** What the names of its secrets begin with. */
  readonly scope: readonly string[];
  readonly schema: Parameters<typeof literals>[0];
}

function takeOut(
  { project, scope, schema }: Kind,
  document: object,
  written: (project: string | null, document: object) => string,
): Prepared {
  const found = literals(schema, document).map(({ path, value }) => ({
    path,
    literal: value,
    secret: secretNameOf(path[0] === "reporters" ? ["reporter"] : scope, document, path),
  }));
  const sealed = project === null ? sealedPasswords(document) : [];
  const replacements: Replacement[] = [
    ...found.map(({ path, literal, secret }) => ({ path, literal, value: referenceTo(secret) })),
    ...sealed.map(({ path, secret }) => ({ path, literal: "", value: referenceTo(secret) })),
  ];
  const stored = replacements.reduce<unknown>(
    (value, { path, value: text }) => replaced(value, path, text),
    document,
  ) as Prepared["document"];
  return {
    project,
    document: stored,
    text: replaceTexts(written(project, document), stored, replacements),
    secrets: found.map(({ secret, literal }) => ({ name: secret, value: literal })),
    sealed,
  };
}

function sealedPasswords(document: object): Sealed[] {
  return list(record(document).workers).flatMap((worker, index) => {
    const { name, password } = record(worker);
    if (!("sealed" in record(password))) return [];
    const path: Path = ["workers", index, "password"];
    return [{ worker: String(name), secret: secretNameOf(["worker"], document, path), path }];
  });
}

/** A copy in which `value` stands at the path. */
function replaced(root: unknown, [step, ...rest]: Path, value: string): unknown {
  if (step === undefined) return value;
  if (Array.isArray(root)) {
    return root.map((item, index) => (index === step ? replaced(item, rest, value) : item));
  }
  const map = record(root);
  return { ...map, [step]: replaced(map[step], rest, value) };
}
