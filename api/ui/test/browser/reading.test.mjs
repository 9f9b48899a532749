// Reading: what is new since one last looked, when things were said, and finding one's way by keyboard.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { bubbles, shows } from "../support/looking.mjs";
import { startStandIn } from "../support/stand_in_server.mjs";

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

async function visit(options = {}) {
  const server = await startStandIn();
  const page = await openPage(browser, `${server.url}/helper`, options);
  await page.locator(".panel-title").waitFor();
  return { server, page, leave: async () => {
    assert.deepEqual(page.mistakes, []);
    await page.context().close();
    await server.stop();
  } };
}

const readOut = (page) => page.locator("#announcer p").allTextContents().then((lines) => lines.map((line) => line.trim()));

/** How far the mark of what is unread stands below the top of what is in sight. */
const markAt = (page) => page.evaluate(() => {
  const mark = document.querySelector(".separator-unread");
  return mark && Math.round(mark.getBoundingClientRect().top - document.querySelector("#scroller").getBoundingClientRect().top);
});

test("a_visitor_who_comes_back_reads_on_where_they_stopped", async () => {
  const { server, page, leave } = await visit();
  server.reply(server.onlySession, "Seen before");
  await shows(page, bubbles, ["Seen before"]);
  const address = page.url();
  await page.goto("about:blank");
  for (let number = 1; number <= 40; number += 1) server.reply(server.onlySession, `While away ${number}`);
  await page.goto(address);
  await page.locator(".separator-unread").waitFor();
  await shows(page, markAt, 0);
  assert.equal(await page.locator(".separator-unread + .message .body").innerText(), "While away 1");
  await page.getByRole("button", { name: "40 new messages" }).click();
  await page.locator("#latest-button").waitFor({ state: "hidden" });
  await page.reload();
  await page.locator(".message", { hasText: "While away 40" }).waitFor();
  assert.equal(await page.locator(".separator-unread").count(), 0);
  await leave();
});

test("the_button_leads_first_to_what_is_unread_and_then_to_the_end", async () => {
  const { server, page, leave } = await visit({ reducedMotion: "reduce" });
  for (let number = 1; number <= 40; number += 1) server.reply(server.onlySession, `Old ${number}`);
  await page.locator(".message", { hasText: "Old 40" }).waitFor();
  await page.locator("#scroller").evaluate((scroller) => (scroller.scrollTop = 0));
  await page.locator("#latest-button").waitFor();
  for (let number = 1; number <= 40; number += 1) server.reply(server.onlySession, `New ${number}`);
  const button = page.getByRole("button", { name: "40 new messages" });
  await button.click();
  await shows(page, markAt, 0);
  await button.click();
  await page.locator("#latest-button").waitFor({ state: "hidden" });
  await leave();
});

test("every_message_tells_its_time_on_hover_and_to_screen_readers", async () => {
  const { server, page, leave } = await visit({ timezoneId: "UTC" });
  const at = "2025-03-01T09:41:00.000Z";
  server.reply(server.onlySession, { content: "One", at });
  server.reply(server.onlySession, { content: "Two", at });
  await shows(page, bubbles, ["One", "Two"]);
  const first = page.locator(".message", { hasText: "One" });
  const opacity = () => first.locator(".toolbar").evaluate((toolbar) => getComputedStyle(toolbar).opacity);
  assert.equal(await opacity(), "0");
  await first.hover();
  assert.equal(await opacity(), "1");
  const times = await page.locator(".message time").evaluateAll((all) => all.map((time) => [time.dateTime, time.textContent, time.title]));
  assert.equal(times.length, 2);
  for (const [moment, words, whole] of times) {
    assert.deepEqual([moment, words], [at, "09:41"]);
    assert.match(whole, /Saturday,? 1 March 2025/);
  }
  await leave();
});

test("days_are_parted_in_the_visitors_language", async () => {
  const { server, page, leave } = await visit({ locale: "pt-BR", timezoneId: "UTC" });
  server.reply(server.onlySession, { content: "Um", at: "2020-03-01T09:00:00.000Z" });
  server.reply(server.onlySession, "Dois");
  await shows(page, (here) => here.locator(".separator").allInnerTexts(), ["1 de março de 2020", "Hoje"]);
  await leave();
});

test("a_new_message_is_read_out_once_and_states_are_not", async () => {
  const { server, page, leave } = await visit();
  server.reply(server.onlySession, "Only once");
  await shows(page, readOut, ["Helper: Only once"]);
  server.closeAll(1012);
  server.reply(server.onlySession, "And this");
  await shows(page, readOut, ["Helper: Only once", "Helper: And this"]);
  assert.equal(await page.getAttribute("#transcript", "aria-live"), "off");
  await leave();
});

test("arrows_lead_from_chip_to_chip_and_escape_back_to_the_field", async () => {
  for (const [locale, forward, backward] of [["en-GB", "ArrowRight", "ArrowLeft"], ["he", "ArrowLeft", "ArrowRight"]]) {
    const { server, page, leave } = await visit({ locale });
    server.reply(server.onlySession, { content: "Well?", suggestions: [{ text: "A" }, { text: "B" }, { text: "C" }] });
    await page.locator(".chip").first().focus();
    const reached = [];
    for (const key of [forward, forward, forward, backward, "Home", "End", "ArrowDown", "ArrowUp"]) {
      await page.keyboard.press(key);
      reached.push(await page.evaluate(() => document.activeElement.textContent));
    }
    assert.deepEqual(reached, ["B", "C", "A", "C", "A", "C", "A", "C"], locale);
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.id), "message");
    await leave();
  }
});
