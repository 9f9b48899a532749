// Hostile texts in the page: nothing runs, nothing is fetched from elsewhere, nothing leaves its bubble.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { HOSTILE } from "../support/hostile.mjs";
import { bubbles, say, shows, states } from "../support/looking.mjs";
import { BOT, startStandIn } from "../support/stand_in_server.mjs";

let browser;
let server;
before(async () => {
  browser = await launchBrowser();
  server = await startStandIn({ bots: [BOT, { ...BOT, bot_name: "evil", title: "<img src=x onerror=window.harmed=true>", description: "<script>window.harmed=true</script>", theme: { color1: "red; background: url(https://elsewhere.example)", logo: "https://elsewhere.example/logo.png" } }] });
});
after(async () => {
  await browser.close();
  await server.stop();
});

/** Visits with an eye on every request; the page may ask only its own host. */
async function guarded(bot) {
  const page = await openPage(browser, `${server.url}/${bot}`);
  const elsewhere = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) elsewhere.push(request.url());
  });
  await shows(page, (here) => here.locator("#status").textContent(), "Online");
  return { page, elsewhere };
}

async function isUnharmed(page, elsewhere) {
  await page.waitForTimeout(150);
  assert.equal(await page.evaluate(() => window.harmed), undefined);
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(page.mistakes.filter((mistake) => !/data:image/.test(mistake)), []);
  await page.context().close();
}

test("hostile_replies_do_no_harm", async () => {
  const { page, elsewhere } = await guarded("helper");
  for (const text of HOSTILE) server.reply(server.onlySession, text);
  await page.waitForFunction((count) => document.querySelectorAll(".message").length === count, HOSTILE.length);
  const found = await page.evaluate(() => {
    const body = [...document.querySelectorAll(".message .body *")];
    return {
      tags: [...new Set(body.map((node) => node.localName))],
      attributes: [...new Set(body.flatMap((node) => node.getAttributeNames()))],
      links: [...document.querySelectorAll(".message .body a[href]")].map((link) => [link.protocol, link.target, link.rel]),
      images: [...document.querySelectorAll(".message .body img")].map((image) => image.src),
    };
  });
  for (const tag of ["script", "iframe", "style", "form", "input", "object", "embed", "base", "meta", "link", "math", "template", "h1"]) {
    assert.ok(!found.tags.includes(tag), tag);
  }
  assert.deepEqual(found.attributes.filter((name) => name.startsWith("on") || name === "style" || name === "id" || name === "srcdoc"), []);
  for (const link of found.links) assert.deepEqual([/^(https?|mailto):$/.test(link[0]), ...link.slice(1)], [true, "_blank", "noopener noreferrer"]);
  for (const image of found.images) assert.ok(image.startsWith(server.url) || /^data:image\/(png|gif|jpeg|webp|avif);/.test(image), image);
  await isUnharmed(page, elsewhere);
});

test("the_second_wall_holds_without_the_first", async () => {
  const weakened = (await (await fetch(`${server.url}/assets/js/markdown.js`)).text()).replace("return marked.parse(text);", "return text;");
  assert.match(weakened, /return text;/);
  server.onRequest = (request, response) => {
    if (!request.url.endsWith("/markdown.js")) return false;
    response.writeHead(200, { "content-type": "text/javascript" }).end(weakened);
    return true;
  };
  const { page, elsewhere } = await guarded("helper");
  server.onRequest = null;
  for (const text of HOSTILE) server.reply(server.onlySession, text);
  await page.waitForFunction((count) => document.querySelectorAll(".message").length === count, HOSTILE.length);
  const attributes = await page.evaluate(() => [...document.querySelectorAll(".message .body *")].flatMap((node) => node.getAttributeNames()));
  assert.deepEqual(attributes.filter((name) => name.startsWith("on") || ["style", "id", "srcdoc", "action"].includes(name)), []);
  assert.equal(await page.locator(".message .body :is(script, iframe, style, form, input, svg:not(.icon), math, object)").count(), 0);
  // The sanitiser parses in a lifeless document of its own, where the policy reports what it would block.
  page.mistakes = page.mistakes.filter((mistake) => !/Content Security Policy/.test(mistake));
  await isUnharmed(page, elsewhere);
});

test("what_visitors_write_is_plain_text", async () => {
  const { page, elsewhere } = await guarded("helper");
  const words = "**no bold** <b>no tag</b> [no link](https://example.org)";
  await say(page, words);
  await shows(page, states, ["Received"]);
  assert.deepEqual(await bubbles(page), [words]);
  assert.equal(await page.locator(".message-visitor .body > *").count(), 0);
  await isUnharmed(page, elsewhere);
});

test("hostile_chips_and_errors_do_no_harm", async () => {
  const { page, elsewhere } = await guarded("helper");
  server.reply(server.onlySession, { content: "Well?", suggestions: HOSTILE.map((text) => ({ text })) });
  server.toAll(server.onlySession, { event: "error", data: { code: "x", message: HOSTILE[1] } });
  await page.locator(".chip").first().waitFor();
  assert.equal(await page.locator(".chip *").count(), 0);
  await isUnharmed(page, elsewhere);
});

test("a_hostile_configuration_does_no_harm", async () => {
  const { page, elsewhere } = await guarded("evil");
  await page.getByText(/^Say hello to <img/).waitFor();
  await isUnharmed(page, elsewhere);
});

test("what_goes_on_and_on_stays_within_the_narrowest_page", async () => {
  const { page, elsewhere } = await guarded("helper");
  await page.setViewportSize({ width: 320, height: 600 });
  const word = "x".repeat(400);
  for (const text of [word, `\`${word}\``, `\`\`\`\n${word}\n\`\`\``, `# ${word}`, `|${word}|b|\n|-|-|\n|1|${word}|`, `[${word}](https://example.org/${word})`, `> ${word}`, `1. ${word}`, "> ".repeat(40) + "deep", Array.from({ length: 30 }, (_, depth) => `${"  ".repeat(depth)}- x`).join("\n")]) {
    server.reply(server.onlySession, { content: text, suggestions: [{ text: word }] });
  }
  await say(page, word);
  await shows(page, states, ["Received"]);
  server.reply(server.onlySession, { content: "ok", suggestions: [{ text: word }] });
  await page.locator(".chip").waitFor();
  const wide = await page.evaluate(() => [document.documentElement, document.querySelector("#scroller")].map((node) => node.scrollWidth - node.clientWidth));
  assert.deepEqual(wide, [0, 0]);
  await isUnharmed(page, elsewhere);
});
