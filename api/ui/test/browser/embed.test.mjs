// The chat on a page elsewhere: one script tag, a button, a frame; the page around keeps everything of its own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { startForeignPage, TAG } from "../support/foreign_page.mjs";
import { shows } from "../support/looking.mjs";
import { startStandIn } from "../support/stand_in_server.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const HOSTILE_STYLE = "div, button, iframe { display: none !important; color: red !important } * { font-size: 40px }";

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

async function visit({ foreign = {}, ...options } = {}) {
  const server = await startStandIn();
  const shop = await startForeignPage(server.url, { body: `<main><h1>Shop</h1><a href="#">Buy</a></main>${TAG}`, ...foreign });
  const page = await openPage(browser, shop.url, options);
  const launcher = page.locator("[data-botserver-chat] .launcher");
  await launcher.waitFor();
  return { server, page, launcher, chat: page.frameLocator("[data-botserver-chat] iframe"), leave: async () => {
    assert.deepEqual(page.mistakes, []);
    await page.context().close();
    await shop.stop();
    await server.stop();
  } };
}

const online = (chat) => chat.locator("#status .dot-good").waitFor();
const focused = (page) => page.evaluate(() => {
  const active = document.activeElement;
  return (active.shadowRoot?.activeElement ?? active).className || active.localName;
});

test("one_script_tag_puts_a_chat_on_a_page_with_a_strict_policy_and_styles_of_its_own", async () => {
  const { page, launcher, chat, leave } = await visit({ foreign: { style: HOSTILE_STYLE } });
  assert.equal(await launcher.getAttribute("aria-label"), "Open Chat");
  assert.equal(await page.locator("[data-botserver-chat] iframe").count(), 0, "nothing is loaded before it is wanted");
  await launcher.click();
  await online(chat);
  assert.equal(await chat.locator("#title").textContent(), "Helper");
  await chat.locator("#message").fill("Hello");
  await chat.locator("#message").press("Enter");
  await chat.locator(".state-received").waitFor();
  await leave();
});

test("the_page_around_keeps_its_globals_and_a_second_tag_does_nothing", async () => {
  const { page, leave } = await visit({ foreign: { body: `<p>Shop</p>${TAG}${TAG}` } });
  await page.waitForLoadState("load");
  assert.equal(await page.locator("[data-botserver-chat]").count(), 1);
  const own = await page.evaluate(() => {
    // A fresh window has what every window has; whatever else there is somebody left behind.
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const left = Object.getOwnPropertyNames(window).filter((name) => !(name in frame.contentWindow) && !/^(\d+|__playwright.*)$/.test(name));
    frame.remove();
    return left;
  });
  assert.deepEqual(own, []);
  await leave();
});

test("focus_goes_into_the_chat_and_escape_brings_it_back_to_the_button", async () => {
  const { page, launcher, chat, leave } = await visit();
  await launcher.focus();
  await page.keyboard.press("Enter");
  await online(chat);
  assert.equal(await launcher.getAttribute("aria-expanded"), "true");
  await chat.locator("#message:focus").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("[data-botserver-chat] .panel").waitFor({ state: "hidden" });
  assert.equal(await focused(page), "launcher");
  assert.equal(await launcher.getAttribute("aria-expanded"), "false");

  await page.keyboard.press("Enter");
  await chat.getByRole("button", { name: "Close the chat" }).click();
  await page.locator("[data-botserver-chat] .panel").waitFor({ state: "hidden" });
  assert.equal(await focused(page), "launcher");
  await leave();
});

test("what_comes_in_while_the_chat_is_closed_is_counted_on_the_button_until_it_is_opened", async () => {
  const { server, page, launcher, chat, leave } = await visit();
  await launcher.click();
  await online(chat);
  await chat.locator(".panel-title").waitFor();
  await launcher.click();
  await page.locator("[data-botserver-chat] .panel").waitFor({ state: "hidden" });
  server.reply(server.onlySession, "One");
  server.reply(server.onlySession, "Two");
  await shows(page, () => page.locator("[data-botserver-chat] .badge").textContent(), "2");
  assert.equal(await launcher.getAttribute("aria-label"), "Open Chat, 2 unread");
  await launcher.click();
  await chat.getByText("Two", { exact: true }).waitFor();
  assert.equal(await chat.locator(".separator-unread").textContent(), "New messages");
  await launcher.click();
  await shows(page, () => page.locator("[data-botserver-chat] .badge").textContent(), "");
  await leave();
});

test("messages_of_others_than_the_frame_are_not_believed", async () => {
  const { page, launcher, chat, leave } = await visit();
  await launcher.click();
  await online(chat);
  await page.evaluate(() => postMessage({ channel: "botserver.chat", event: "close" }, "*"));
  await page.evaluate(() => postMessage({ channel: "botserver.chat", event: "unread", count: 9 }, "*"));
  // The answer to a message of its own comes after those above.
  await page.evaluate(() => new Promise((resolve) => {
    addEventListener("message", ({ data }) => data === "after" && resolve());
    postMessage("after", "*");
  }));
  assert.equal(await page.locator("[data-botserver-chat] .panel").isVisible(), true);
  await leave();
});

test("on_a_phone_the_chat_fills_the_screen_and_can_be_closed", async () => {
  const { page, launcher, chat, leave } = await visit({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
  await launcher.tap();
  await online(chat);
  const place = await page.locator("[data-botserver-chat] .panel").boundingBox();
  assert.deepEqual(place, { x: 0, y: 0, width: 360, height: 640 });
  assert.equal(await launcher.isVisible(), false);
  await chat.getByRole("button", { name: "Close the chat" }).tap();
  await launcher.waitFor();
  await leave();
});

test("a_chat_that_cannot_be_reached_can_still_be_closed_on_a_phone", async () => {
  const { server, page, launcher, leave } = await visit({ viewport: { width: 360, height: 640 } });
  await server.goAway();
  await launcher.click();
  await page.locator("[data-botserver-chat] .panel").waitFor();
  await launcher.click();
  await page.locator("[data-botserver-chat] .panel").waitFor({ state: "hidden" });
  await server.comeBack();
  await leave();
});

test("place_colour_and_name_are_told_by_the_tag_and_the_language_by_the_page", async () => {
  const tag = TAG.replace("async", 'data-position="left" data-colour="gold" data-label="Ajuda" async');
  const { launcher, leave } = await visit({ foreign: { body: tag, language: "pt-BR" } });
  assert.equal(await launcher.getAttribute("aria-label"), "Abrir Ajuda");
  assert.equal((await launcher.boundingBox()).x, 16);
  const [fill, ink] = await launcher.evaluate((node) => [getComputedStyle(node).backgroundColor, getComputedStyle(node).color]);
  assert.deepEqual([fill, ink], ["rgb(255, 215, 0)", "rgb(17, 19, 23)"]);
  await leave();
});

test("in_a_page_from_right_to_left_the_button_is_on_the_left", async () => {
  const { launcher, leave } = await visit({ foreign: { direction: "rtl" } });
  assert.equal((await launcher.boundingBox()).x, 16);
  await leave();
});

test("a_chat_that_was_open_is_open_on_the_next_page_and_takes_no_focus", async () => {
  const { page, launcher, chat, leave } = await visit();
  await launcher.click();
  await online(chat);
  await page.reload();
  await online(chat);
  assert.equal(await focused(page), "body");
  await leave();
});

test("a_page_that_the_server_does_not_name_gets_no_chat", async () => {
  const { server, page, launcher, leave } = await visit();
  server.embedOrigins = "https://elsewhere.example";
  await launcher.click();
  await shows(page, () => page.mistakes.some((mistake) => /frame-ancestors/.test(mistake)), true);
  page.mistakes = [];
  await leave();
});

test("axe_finds_nothing_around_the_button_and_the_frame", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const { page, launcher, chat, leave } = await visit({ colorScheme });
    await launcher.click();
    await online(chat);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run("[data-botserver-chat]", { iframes: false }));
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
    await leave();
  }
});
