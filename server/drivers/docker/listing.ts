/**
 * What an engine has of ours: containers, and images that were built for one which was never made. The
 * engine is asked for what carries our name alone. Labels are not enough to be ours: whoever commits a
 * container of ours to an image, and runs that, has a container with all of its labels and none of its
 * worth to us. So one has the machine's key as its name, or was given that key when it was made.
 */
import { INSTANCE_VARIABLE, type InstanceHandle, type OwnerTag, type Unclear } from "../contract";
import type { Engine, ListedContainer } from "./engine";
import { privateImage } from "./images";
import { ownedBy, readLabels } from "./labels";

type Ours = NonNullable<ReturnType<typeof readLabels>>;

export async function listOurs(
  engine: Engine,
  owner: OwnerTag,
  tell: (unclear: Unclear) => void,
): Promise<InstanceHandle[]> {
  const label = ownedBy(owner);
  const containers = await engine.containers(label);
  const images = await engine.images({ label });
  const found = new Map<string, InstanceHandle>();
  for (const { Labels, Created, RepoTags } of images) {
    const ours = readLabels(Labels ?? null);
    if (ours && RepoTags?.includes(privateImage(ours.key)))
      found.set(ours.key, { ...ours, ref: null, madeAt: Created * 1_000 });
  }
  for (const container of containers) {
    const { Id, Labels, Created } = container;
    const ours = readLabels(Labels ?? null);
    const why = ours === null ? UNREADABLE : await whyACopy(engine, container, ours);
    if (why !== null) tell({ name: nameOf(container), why });
    else if (ours) found.set(ours.key, { ...ours, ref: { id: Id }, madeAt: Created * 1_000 });
  }
  return [...found.values()];
}

const UNREADABLE =
  "it carries this installation's name, and its other labels are not those of a machine";

const nameOf = ({ Names, Id }: ListedContainer) =>
  Names?.[0]?.replace(/^\//, "") || Id.slice(0, 12);

/** Null: it is the machine, whatever somebody has called it since. */
async function whyACopy(
  engine: Engine,
  container: ListedContainer,
  { key }: Ours,
): Promise<string | null> {
  if (container.Names?.includes(`/${key}`)) return null;
  const facts = await engine.container(container.Id);
  // Gone meanwhile; whoever looks at it next sees that.
  if (facts === null) return null;
  if (!facts.Config.Env?.includes(`${INSTANCE_VARIABLE}=${key}`)) {
    return `it has the labels of ${key}, and was not made as that machine`;
  }
  const image = await engine.image(container.ImageID);
  const isCopied = readLabels(image?.Config?.Labels ?? null)?.key === key;
  if (!isCopied || image?.RepoTags?.includes(privateImage(key))) return null;
  return `it was made from an image that somebody has made of ${key}`;
}
