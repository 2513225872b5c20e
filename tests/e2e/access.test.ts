// Guarantee: a person sees what they are a member of and nothing else, and a session that was
// ended is refused at its next request.
import type { Browser, Page } from "@playwright/test";
import { ADMIN } from "./handover";
import { dialog, expect, NOBODY, ORG, signIn, test } from "./journey";

const OTHER_BROWSER = "Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0";
const EVE = { email: "eve@example.org", password: "apple-of-1", name: "Eve" };

test("sign-out, and a revoked session", async ({ browser, slipway }) => {
  const kept = await signedIn(browser, slipway.url);
  const revoked = await signedIn(browser, slipway.url, OTHER_BROWSER);

  await test.step("a wrong password says so", async () => {
    const page = await stranger(browser);
    await page.goto(`${slipway.url}${ORG}/workers`);
    await signIn(page, ADMIN.email, "not the password");
    await expect(page.getByText("E-mail or password is wrong.")).toBeVisible();
    await page.context().close();
  });

  await test.step("the other browser is thrown out", async () => {
    await kept.goto(`${slipway.url}${ORG}/settings/sessions`);
    const row = kept.getByRole("row", { name: /Firefox on Windows/ });
    await row.getByRole("button", { name: "Revoke" }).click();
    await expect(row).toHaveCount(0);
    await revoked.getByRole("link", { name: "Workers", exact: true }).click();
    await revoked.waitForURL(/\/sign-in/);
  });

  await test.step("signing out ends it for good", async () => {
    const cookies = await kept.context().cookies();
    await kept.getByRole("link", { name: "Sign out" }).click();
    await kept.getByRole("button", { name: "Sign out of this browser" }).click();
    await kept.waitForURL(/\/sign-in/);
    await kept.context().addCookies(cookies);
    await kept.goto(`${slipway.url}${ORG}`);
    await kept.waitForURL(/\/sign-in/);
  });
  await revoked.context().close();
  await kept.context().close();
});

test("an organisation of strangers does not exist", async ({ browser, slipway }) => {
  const ada = await signedIn(browser, slipway.url);
  await ada.goto(`${slipway.url}/setup/organization`);
  await ada.getByLabel("Name").fill("The Lab");
  await ada.getByLabel("Address").fill("lab");
  await ada.getByRole("button", { name: "Make the organisation" }).click();
  await ada.waitForURL(`${slipway.url}/lab/welcome`);
  await ada.goto(`${slipway.url}/lab/settings/members`);
  await ada.getByLabel("E-mail").fill(EVE.email);
  await ada.getByRole("button", { name: "Make a link" }).click();
  const link = ada.getByRole("status").filter({ hasText: "Send this link" }).locator("code");
  const invitation = String(await link.textContent());

  const eve = await stranger(browser);
  await eve.goto(invitation);
  await expect(eve.getByRole("heading", { name: "Join The Lab" })).toBeVisible();
  await eve.getByLabel("Name").fill(EVE.name);
  await eve.getByLabel("Password").fill(EVE.password);
  await eve.getByRole("button", { name: "Make the account" }).click();
  await eve.waitForURL(`${slipway.url}/lab`);
  await expect(eve.getByRole("heading", { name: "No builder yet" })).toBeVisible();

  await test.step("pages and API of the other are not there", async () => {
    const queue = await slipway.builderPath("queue");
    for (const path of [ORG, `${ORG}/workers`, queue, `${ORG}/settings/tokens`, "/no-such"]) {
      const answer = await eve.goto(`${slipway.url}${path}`);
      expect(answer?.status(), path).toBe(404);
      await expect(
        eve.getByRole("heading", { name: "There is nothing at this address" }),
      ).toBeVisible();
    }
    const rest = await eve.request.get(`${slipway.url}${ORG}/api/v2/builders`);
    expect(rest.status()).toBe(404);
    expect(await rest.text()).not.toContain("queue");
    const borrowed = await eve.goto(`${slipway.url}${queue.replace(ORG, "/lab")}`);
    expect(await borrowed?.text()).not.toContain("berth");
    await expect(
      eve.getByRole("heading", { name: "There is nothing at this address" }),
    ).toBeVisible();
  });

  await test.step("without membership nothing is left", async () => {
    await ada.reload();
    await ada.getByRole("row", { name: /Eve/ }).getByRole("button", { name: "Remove Eve" }).click();
    await dialog(ada, "Remove Eve")
      .getByRole("button", { name: "Remove from the organisation" })
      .click();
    await expect(ada.getByRole("row", { name: /Eve/ })).toHaveCount(0);
    const answer = await eve.goto(`${slipway.url}/lab`);
    expect(answer?.status()).toBe(404);
    await eve.goto(slipway.url);
    await expect(eve.getByRole("heading", { name: "No organisation yet" })).toBeVisible();
  });
  await eve.context().close();
  await ada.context().close();
});

const stranger = (browser: Browser, userAgent?: string): Promise<Page> =>
  browser.newPage({ storageState: NOBODY, ...(userAgent ? { userAgent } : {}) });

async function signedIn(browser: Browser, url: string, userAgent?: string): Promise<Page> {
  const page = await stranger(browser, userAgent);
  await page.goto(`${url}/sign-in`);
  await signIn(page, ADMIN.email, ADMIN.password);
  await page.waitForURL(`${url}${ORG}`);
  return page;
}
