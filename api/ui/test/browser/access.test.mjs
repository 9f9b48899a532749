// Access: axe finds nothing in any state of the page in either theme, and the keyboard reaches everything.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { complaints } from "../support/axe.mjs";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { say, shows, states } from "../support/looking.mjs";
import { BOT, startStandIn } from "../support/stand_in_server.mjs";

const RICH = "# Heading\n\nText with a [link](https://example.org) and `code`.\n\n|a|b|\n|-|-|\n|1|2|\n\n```js\nlet x = 1;\n```\n\n> quoted\n\n- one\n- two";

let browser;
let server;
before(async () => {
  browser = await launchBrowser();
  server = await startStandIn({ bots: [BOT, { ...BOT, bot_name: "pale", theme: { color1: "#ffe9a8", color2: "#102030" } }] });
});
after(async () => {
  await browser.close();
  await server.stop();
});

// A bot of pale colours on a tablet, too: colours do not depend on the width.
const PAGES = [["helper", 360], ["helper", 768], ["helper", 1440], ["pale", 768]];

for (const colorScheme of ["light", "dark"]) {
  for (const [bot, width] of PAGES) {
    test(`axe_finds_nothing_in_a_conversation_with_${bot}_in_${colorScheme}_at_${width}`, async () => {
      const page = await openPage(browser, `${server.url}/${bot}`, { colorScheme, reducedMotion: "reduce", viewport: { width, height: 800 } });
      await page.locator(".panel-title").waitFor();
      assert.deepEqual(await complaints(page), []);
      server.onMessage = (frame, connection) => server.send(connection, { event: "error", data: { code: "x", message: "Refused", message_id: frame.message_id } });
      await say(page, "Not this");
      await shows(page, states, ["Not sent"]);
      server.onMessage = null;
      await say(page, "Hello");
      server.reply(server.onlySession, { content: RICH, suggestions: [{ text: "Yes" }, { text: "No" }] });
      await page.locator(".chip").first().waitFor();
      await page.locator(".message-bot .toolbar button").last().focus();
      assert.deepEqual(await complaints(page), []);
      await page.context().close();
    });
  }
  test(`axe_finds_nothing_on_an_error_page_in_${colorScheme}`, async () => {
    const page = await openPage(browser, `${server.url}/nobody`, { colorScheme });
    await page.getByRole("heading", { name: "There is no bot here" }).waitFor();
    assert.deepEqual(await complaints(page), []);
    await page.context().close();
  });
}

test("the_keyboard_reaches_everything_in_the_order_of_the_page", async () => {
  const page = await openPage(browser, `${server.url}/helper`);
  await page.locator(".panel-title").waitFor();
  server.reply(server.onlySession, { content: "Well?", suggestions: [{ text: "Yes" }, { text: "No" }] });
  await page.locator(".chip").first().waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.fill("#message", "x");
  await page.locator("#skip-link").focus();
  const reached = ["skip-link"];
  for (let count = 0; count < 8; count += 1) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.textContent));
  }
  assert.deepEqual(reached, ["skip-link", "theme-button", "scroller", "Copy message", "Yes", "No", "attach-button", "message", "send-button"]);
  await page.context().close();
});

test("everything_that_can_be_clicked_is_large_enough", async () => {
  const page = await openPage(browser, `${server.url}/helper`);
  await page.locator(".panel-title").waitFor();
  server.reply(server.onlySession, { content: "```\nx\n```", suggestions: [{ text: "A" }] });
  await page.locator(".chip").first().waitFor();
  const sizes = await page.locator("button:visible").evaluateAll((buttons) => buttons.map((button) => [button.className, button.offsetWidth, button.offsetHeight]));
  for (const [name, width, height] of sizes) assert.ok(width >= 24 && height >= 24, `${name} ${width}×${height}`);
  await page.context().close();
});
