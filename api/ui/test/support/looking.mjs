// What the tests look at on the page, and how they wait for it.

import assert from "node:assert/strict";

const WITHIN_MS = 8_000;

/** The texts of all messages. */
export const bubbles = (page) => page.locator(".message .body").allInnerTexts().then((texts) => texts.map((text) => text.trim()));

/** The visible states of the visitor's messages. */
export const states = (page) => page.locator(".state").allInnerTexts().then((texts) => texts.map((text) => text.trim()));

/** Waits until `look(page)` gives what is expected. */
export async function shows(page, look, expected) {
  const until = Date.now() + WITHIN_MS;
  let seen;
  while (Date.now() < until) {
    seen = await look(page);
    if (JSON.stringify(seen) === JSON.stringify(expected)) return;
    await page.waitForTimeout(25);
  }
  assert.deepEqual(seen, expected);
}

export async function say(page, words) {
  await page.fill("#message", words);
  await page.press("#message", "Enter");
}
