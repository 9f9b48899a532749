// The page in all the shapes it is seen in: narrow, zoomed far in, from right to left, with the system's colours.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { say, shows, states } from "../support/looking.mjs";
import { startStandIn } from "../support/stand_in_server.mjs";

const WIDE = `${"word".repeat(200)} https://example.org/${"path/".repeat(60)}\n\n|a|b|c|d|e|f|g|h|\n|-|-|-|-|-|-|-|-|\n${"|a long cell of a table".repeat(8)}|\n\n\`\`\`\n${"code ".repeat(100)}\n\`\`\``;

let browser;
let server;
before(async () => {
  browser = await launchBrowser();
  server = await startStandIn();
});
after(async () => {
  await browser.close();
  await server.stop();
});

async function conversation(options, content = WIDE) {
  const page = await openPage(browser, `${server.url}/helper`, options);
  await page.locator(".panel-title").waitFor();
  await say(page, "Hello");
  await shows(page, states, ["Received"]);
  server.reply(server.onlySession, { content, suggestions: [{ text: "Yes" }, { text: "A longer chip ".repeat(10) }] });
  await page.locator(".chip").first().waitFor();
  return page;
}

const sideways = (page) => page.evaluate(() => [document.documentElement, document.querySelector("#scroller")].map((node) => node.scrollWidth - node.clientWidth));
const box = (page, selector) => page.locator(selector).boundingBox();

test("at_360_pixels_nothing_sticks_out_and_wide_things_scroll_by_themselves", async () => {
  const page = await conversation({ viewport: { width: 360, height: 640 } });
  assert.deepEqual(await sideways(page), [0, 0]);
  for (const selector of [".wide", ".code pre"]) {
    assert.equal(await page.locator(selector).evaluate((node) => node.scrollWidth > node.clientWidth && node.tabIndex === 0), true, selector);
  }
  await page.context().close();
});

test("zoomed_to_400_percent_one_can_still_read_and_write", async () => {
  // 1280 by 1024 pixels at 400 %.
  const page = await conversation({ viewport: { width: 320, height: 256 } });
  assert.deepEqual(await sideways(page), [0, 0]);
  await page.fill("#message", "line\n".repeat(20));
  const [field, messages] = [await box(page, "#composer"), await box(page, "#scroller")];
  assert.ok(field.y + field.height <= 256, "the field is in sight");
  assert.ok(messages.height >= 80, `${messages.height} pixels are left for messages`);
  await page.context().close();
});

test("the_page_runs_from_right_to_left_for_those_who_read_so", async () => {
  for (const locale of ["ar-EG", "he", "fa"]) {
    const page = await conversation({ locale, viewport: { width: 360, height: 640 } }, "שלום, **מה** שלומך?\n\nIn English.");
    assert.equal(await page.getAttribute("html", "dir"), "rtl");
    assert.deepEqual(await sideways(page), [0, 0]);
    const [own, theirs] = [await box(page, ".message-visitor .bubble"), await box(page, ".message-bot .bubble")];
    assert.ok(own.x < 40 && theirs.x + theirs.width > 330, "one's own words are on the left");
    assert.ok((await box(page, "#send-button")).x < 20);
    await page.context().close();
  }
});

test("each_message_and_paragraph_runs_as_its_own_script_does", async () => {
  const page = await conversation({}, "مرحبا\n\nHello\n\n|رصيف|\n|-|\n|A 1|");
  assert.equal(await page.getAttribute("html", "dir"), "ltr");
  const sides = await page.locator(".message-bot .body > p").evaluateAll((paragraphs) => paragraphs.map((paragraph) => {
    const range = document.createRange();
    range.selectNodeContents(paragraph);
    const [words, whole] = [range.getBoundingClientRect(), paragraph.getBoundingClientRect()];
    return words.left - whole.left < whole.right - words.right ? "left" : "right";
  }));
  assert.deepEqual(sides, ["right", "left"]);
  assert.equal(await page.locator(".message-bot td").evaluate((cell) => getComputedStyle(cell).textAlign), "right");
  await page.context().close();
});

test("with_reduced_motion_nothing_moves", async () => {
  const page = await conversation({ reducedMotion: "reduce" });
  server.toAll(server.onlySession, { event: "typing", data: {} });
  await page.locator("#typing").waitFor();
  const moving = () => page.evaluate(() => document.getAnimations().filter((one) => one.playState === "running").length);
  await shows(page, moving, 0);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await shows(page, moving, 3);
  await page.context().close();
});

test("with_the_systems_colours_edges_and_focus_are_seen", async () => {
  const page = await conversation({ forcedColors: "active" });
  await page.locator("#message").focus();
  const outline = await page.locator(".composer-field").evaluate((field) => getComputedStyle(field).outlineStyle);
  assert.equal(outline, "solid");
  for (const selector of [".message-bot .bubble", ".message-visitor .bubble", "#send-button", ".chip"]) {
    const [style, width] = await page.locator(selector).first().evaluate((node) => [getComputedStyle(node).borderTopStyle, getComputedStyle(node).borderTopWidth]);
    assert.deepEqual([style, width], ["solid", "1px"], selector);
  }
  await page.context().close();
});

test("a_visit_downloads_less_than_60_kB_of_script_and_20_kB_of_style", async () => {
  const page = await openPage(browser, `${server.url}/helper`);
  await page.locator(".panel-title").waitFor();
  const downloaded = (ending) => page.evaluate((end) =>
    performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(end)).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0), ending);
  const [script, style] = [await downloaded(".js"), await downloaded(".css")];
  assert.ok(script > 40_000 && script < 60_000, `${script} bytes of script`);
  assert.ok(style > 3_000 && style < 20_000, `${style} bytes of style`);
  await page.context().close();
});
