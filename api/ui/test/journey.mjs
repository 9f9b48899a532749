// One journey through the real server: a visitor opens the page, is greeted, clicks a chip or writes,
// sees the message received and answered, loads the page again and finds everything once, in light and dark.
//
//   BOTSERVER_URL=http://localhost:8080 node journey.mjs
//
// BOTSERVER_URL          where the server is (required)
// BOTSERVER_BOT          which bot; without it the default one, at /
// BOTSERVER_SAY          what to write; "hello" unless told
// BOTSERVER_GREETS       "no" when the bot does not speak first
// BOTSERVER_ANSWERS      "no" when no answer is to be expected (then only "received" is waited for)
// BOTSERVER_SCREENSHOTS  a folder for pictures at 360, 768 and 1440 pixels in both themes
//
// Ends with 0 when everything was as it should be; otherwise says what was not, with a picture.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launchBrowser, openPage } from "./support/browser.mjs";
import { bubbles, say } from "./support/looking.mjs";

const {
  BOTSERVER_URL: base,
  BOTSERVER_BOT: bot = "",
  BOTSERVER_SAY: words = "hello",
  BOTSERVER_GREETS: greets = "yes",
  BOTSERVER_ANSWERS: answers = "yes",
  BOTSERVER_SCREENSHOTS: pictures,
} = process.env;

const WIDTHS = [360, 768, 1440];
// A model on a processor may think for a while.
const ANSWERED_WITHIN_MS = 90_000;
// The transcript counts as at rest when nothing has changed for so long.
const REST_MS = 1_500;
// Failures show as a picture too, so the page is kept at hand for them.
let page;

if (!base) {
  console.error("BOTSERVER_URL is not set");
  process.exit(2);
}
if (pictures) mkdirSync(pictures, { recursive: true });
const browser = await launchBrowser();
try {
  await journey();
  console.log("the journey is complete");
} catch (error) {
  process.exitCode = 1;
  console.error(error.message);
  const seen = await page?.locator("#chat").innerText().catch(() => "");
  console.error(`the page said:\n${seen}`);
  await picture("failed");
} finally {
  await browser.close();
}

async function journey() {
  await step("the page opens and connects", async () => {
    page = await openPage(browser, new URL(`/${encodeURIComponent(bot)}`, base).href);
    await page.locator("#status .dot-good").waitFor({ timeout: 20_000 });
  });
  if (greets === "yes") await step("the bot greets", () => page.locator(".message-bot").first().waitFor({ timeout: ANSWERED_WITHIN_MS }));
  else await page.locator(".panel-title, .message-bot").first().waitFor();
  await atRest();
  await inAllSizes("greeted");
  const chip = page.locator(".chip").first();
  if (await chip.isVisible()) {
    await step(`a chip is clicked: ${await chip.textContent()}`, () => chip.click());
    assert.equal(await page.locator(".chip:focus").count(), 0);
    await isAnswered(1);
  }
  const before = await page.locator(".message-visitor").count();
  await step(`"${words}" is written`, () => say(page, words));
  await isAnswered(before + 1);
  await inAllSizes("answered");
  await step("a reload shows the same once", async () => {
    const seen = await bubbles(page);
    await page.reload();
    await page.waitForFunction((count) => document.querySelectorAll(".message .body").length >= count, seen.length, { timeout: 20_000 });
    await atRest();
    assert.deepEqual(await bubbles(page), seen);
  });
  await step("light and dark differ, by the system and by the switch", themes);
  await step("axe finds nothing", accessible);
  await step("the page made no mistakes", () => assert.deepEqual(page.mistakes, []));
}

async function step(name, act) {
  try {
    await act();
    console.log(`ok: ${name}`);
  } catch (error) {
    throw new Error(`not ok: ${name}\n${error.message}`);
  }
}

/** The newest of `count` messages of the visitor is received, and answered if that is expected. */
async function isAnswered(count) {
  const message = page.locator(".message-visitor").nth(count - 1);
  await step("it is received", () => message.locator(".state-received, .state-answered").waitFor({ timeout: 20_000 }));
  if (answers === "yes") {
    await step("it is answered", () => message.locator(".state-answered").waitFor({ timeout: ANSWERED_WITHIN_MS }));
  }
  await atRest();
}

async function atRest() {
  let seen = null;
  for (;;) {
    const now = JSON.stringify([await bubbles(page), await page.locator("#typing").isVisible()]);
    if (now === seen) return;
    seen = now;
    await page.waitForTimeout(REST_MS);
  }
}

async function themes() {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await background();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await background();
  assert.notEqual(light, dark);
  await page.locator("#theme-button").click();
  assert.equal(await background(), light);
  await page.locator("#theme-button").click();
  assert.equal(await background(), dark);
  await page.locator("#theme-button").click();
}

async function accessible() {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
  }
}

/** Pictures at every width in both themes; nothing may stick out sideways at any of them. */
async function inAllSizes(name) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width < 500 ? 740 : 900 });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await picture(`${name}-${width}-${colorScheme}`);
    }
    const outside = await page.evaluate(() =>
      [document.documentElement, document.querySelector("#scroller")].some((node) => node.scrollWidth > node.clientWidth));
    assert.equal(outside, false, `something sticks out at ${width} pixels`);
  }
}

async function picture(name) {
  if (pictures && page) await page.screenshot({ path: join(pictures, `${name}.png`) }).catch(() => {});
}
