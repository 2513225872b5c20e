/** The configuration of the shared installation, changed by a journey: others go on with what they have. */
import { expect } from "@playwright/test";
import { parse } from "yaml";
import { takeOver } from "./handover";
import { ORG } from "./journey";

export const rest = (path: string, init: RequestInit = {}) => {
  const { url, token } = takeOver();
  return fetch(`${url}${ORG}/api/v2/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
};

/** Projects take the place of those of their names; workers come beside those that there are. */
export async function activate(more: {
  workers?: readonly object[];
  projects: Readonly<Record<string, object>>;
}): Promise<void> {
  const documents = { projects: more.projects };
  if (more.workers) {
    const { projects: _, ...organization } = parse(await (await rest("config")).text());
    Object.assign(documents, organization, { workers: [...organization.workers, ...more.workers] });
  }
  const body = JSON.stringify({ text: JSON.stringify(documents), force: true });
  const answer = await rest("config", { method: "POST", body });
  expect(answer.status, await answer.text()).toBe(200);
}
