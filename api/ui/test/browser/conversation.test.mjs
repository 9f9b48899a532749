// The page against the stand-in: what one sees of a conversation that goes well.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { BOT, startStandIn } from "../support/stand_in_server.mjs";
import { bubbles, say, shows, states } from "../support/looking.mjs";

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

async function visit(options = {}) {
  const server = await startStandIn(options.server);
  server.greeting = options.greeting ?? null;
  const page = await openPage(browser, `${server.url}/${options.bot ?? "helper"}`, options.browser);
  return { server, page, leave: async () => {
    assert.deepEqual(page.mistakes, []);
    await page.context().close();
    await server.stop();
  } };
}

test("a_message_is_sending_then_received_then_answered", async () => {
  const { server, page, leave } = await visit();
  const held = [];
  server.onMessage = (frame, connection) => held.push([frame, connection]);
  await say(page, "Hello");
  await shows(page, states, ["Sending"]);
  const turn = server.commit(...held[0]);
  await shows(page, states, ["Received"]);
  server.toAll(server.onlySession, { event: "typing", data: {} });
  await page.locator("#typing").waitFor();
  server.reply(server.onlySession, { content: "Good day", in_reply_to: turn.turn_id, suggestions: [{ text: "Yes" }, { text: "No", action: { type: "send_message", message: "No, thank you" } }] });
  await shows(page, states, ["Answered"]);
  await page.locator("#typing").waitFor({ state: "hidden" });
  assert.match(await page.locator("#announcer").textContent(), /Helper: Good day/);
  server.onMessage = null;

  await page.locator(".chip", { hasText: "Yes" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await shows(page, bubbles, ["Hello", "Good day", "No, thank you"]);
  assert.equal(await page.locator(".chip").count(), 0);
  const sent = server.messagesHeard().at(-1);
  assert.equal(sent.session_id, server.onlySession.id);
  assert.equal(sent.channel, "web");
  assert.equal(sent.message_type, 1);
  await leave();
});

test("what_is_sent_before_the_page_listens_is_sent_when_it_does", async () => {
  const server = await startStandIn();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  server.onRequest = (request, response) => {
    if (!request.url.startsWith("/assets/js/texts/")) return false;
    held.then(() => server.answerPage(new URL(request.url, server.url), response));
    return true;
  };
  const page = await openPage(browser, `${server.url}/helper`, {}, { waitUntil: "commit" });
  await say(page, "Hello");
  assert.equal(await page.inputValue("#message"), "Hello", "the line is not broken");
  release();
  await shows(page, states, ["Received"]);
  assert.deepEqual(await bubbles(page), ["Hello"]);
  assert.equal(await page.inputValue("#message"), "");
  await say(page, "And again");
  await shows(page, bubbles, ["Hello", "And again"]);
  await page.context().close();
  await server.stop();
});

test("a_turn_that_is_answered_with_silence_is_answered", async () => {
  const { server, page, leave } = await visit();
  await say(page, "Noted");
  await shows(page, states, ["Received"]);
  const [turn] = server.onlySession.turns.values();
  server.toAll(server.onlySession, { event: "answered", data: turn });
  await shows(page, states, ["Answered"]);
  await leave();
});

test("a_reload_shows_the_history_once_and_keeps_the_draft", async () => {
  const { server, page, leave } = await visit({ greeting: "Welcome" });
  await shows(page, bubbles, ["Welcome"]);
  await say(page, "Hello");
  await shows(page, states, ["Received"]);
  server.reply(server.onlySession, "Good day");
  await shows(page, bubbles, ["Welcome", "Hello", "Good day"]);
  await page.fill("#message", "Not yet finis");
  await page.reload();
  await shows(page, bubbles, ["Welcome", "Hello", "Good day"]);
  await shows(page, states, ["Answered"]);
  assert.equal(await page.inputValue("#message"), "Not yet finis");
  assert.equal(server.sessions.size, 1);
  assert.equal(server.authCalls.at(-1).credential, server.onlySession.credential);
  await leave();
});

test("another_tab_sees_what_this_one_says", async () => {
  const { server, page, leave } = await visit();
  await shows(page, (here) => here.locator("#status").textContent(), "Online");
  const other = await page.context().newPage();
  await other.goto(page.url());
  await shows(other, (there) => there.locator("#status").textContent(), "Online");
  await say(page, "From here");
  await shows(other, bubbles, ["From here"]);
  await say(other, "From there");
  await shows(page, bubbles, ["From here", "From there"]);
  assert.equal(server.sessions.size, 1);
  await leave();
});

test("a_stream_grows_in_one_bubble", async () => {
  const { server, page, leave } = await visit();
  await shows(page, (here) => here.locator("#status").textContent(), "Online");
  const part = (content, more) => ({ message_type: 2, is_complete: false, stream_token: "s", content, ...more });
  server.toAll(server.onlySession, part("One **two"));
  await shows(page, bubbles, ["One **two"]);
  server.toAll(server.onlySession, part("** three"));
  await shows(page, bubbles, ["One two three"]);
  server.reply(server.onlySession, { content: "One **two** three four", stream_token: "s" });
  await shows(page, bubbles, ["One two three four"]);
  assert.match(await page.locator("#announcer").textContent(), /One two three four/);
  await leave();
});

test("enter_sends_shift_enter_breaks_and_the_field_grows", async () => {
  const { server, page, leave } = await visit();
  const height = () => page.locator("#message").evaluate((field) => field.offsetHeight);
  const low = await height();
  await page.locator("#message").focus();
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  assert.ok((await height()) > low);
  await page.keyboard.press("Enter");
  await shows(page, states, ["Received"]);
  assert.equal(server.messagesHeard()[0].content, "one\ntwo");
  assert.equal(await height(), low);
  await leave();
});

test("the_limit_is_told_before_it_is_reached_and_kept", async () => {
  const { server, page, leave } = await visit();
  const count = () => page.locator("#message-count").textContent();
  await page.fill("#message", "é".repeat(7_000));
  assert.equal(await count(), "");
  await page.fill("#message", "é".repeat(8_000));
  assert.equal(await count(), "384 bytes left");
  await page.fill("#message", "é".repeat(8_193));
  assert.equal(await count(), "Too long by 2 bytes");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#send-button").isDisabled(), true);
  assert.equal(server.messagesHeard().length, 0);
  await leave();
});

test("whoever_reads_above_is_not_moved_and_is_told_what_is_new", async () => {
  const { server, page, leave } = await visit();
  await shows(page, (here) => here.locator("#status").textContent(), "Online");
  for (let number = 1; number <= 40; number += 1) server.reply(server.onlySession, `Message ${number}`);
  await page.getByText("Message 40", { exact: true }).waitFor();
  await page.waitForTimeout(1_000);
  const top = () => page.locator("#scroller").evaluate((scroller) => scroller.scrollTop);
  assert.ok((await top()) > 100, "the newest message is in sight");
  await page.locator("#scroller").evaluate((scroller) => (scroller.scrollTop = 50));
  await page.locator("#latest-button").waitFor();
  server.reply(server.onlySession, "Something new");
  await page.getByRole("button", { name: "1 new message" }).waitFor();
  assert.equal(await top(), 50);
  assert.equal(await page.title(), "(1) Helper");
  assert.equal(await page.locator(".separator-unread").textContent(), "New messages");
  await page.getByRole("button", { name: "1 new message" }).click();
  await page.locator("#latest-button").waitFor({ state: "hidden" });
  await shows(page, (here) => here.title(), "Helper");
  await leave();
});

test("the_root_shows_the_default_bot_in_the_visitors_language", async () => {
  const { page, leave } = await visit({ bot: "", browser: { locale: "pt-BR" } });
  await shows(page, (here) => here.locator("#title").textContent(), "Helper");
  await page.getByText("Diga olá para Helper").waitFor();
  assert.equal(await page.getAttribute("#message", "placeholder"), "Escreva uma mensagem…");
  assert.equal(await page.getAttribute("html", "lang"), "pt-BR");
  await leave();
});

test("the_theme_follows_the_system_until_it_is_chosen_and_is_kept", async () => {
  const { page, leave } = await visit({ browser: { colorScheme: "dark" } });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await background(), "rgb(20, 22, 26)");
  await page.getByRole("button", { name: /^Theme/ }).click();
  assert.equal(await background(), "rgb(243, 244, 247)");
  await page.reload();
  assert.equal(await background(), "rgb(243, 244, 247)");
  await leave();
});

test("the_colours_of_a_bot_are_taken_over_and_can_change", async () => {
  const { server, page, leave } = await visit({ server: { bots: [{ ...BOT, theme: { color1: "#7a1fa2" } }] } });
  const accent = () => page.evaluate(() => document.documentElement.style.getPropertyValue("--accent-light"));
  await shows(page, accent, "rgb(122 31 162)");
  await shows(page, (here) => here.locator("#status").textContent(), "Online");
  server.toAll(server.onlySession, { event: "change_theme", data: { color1: "darkgreen", title: "Gardener" } });
  await shows(page, accent, "rgb(0 100 0)");
  assert.equal(await page.locator("#title").textContent(), "Gardener");
  await leave();
});

test("messages_and_code_can_be_copied_as_they_were_written", async () => {
  const { server, page, leave } = await visit({ browser: { permissions: ["clipboard-read", "clipboard-write"] } });
  await shows(page, (here) => here.locator("#status").textContent(), "Online");
  const words = "Use **this**:\n\n```sh\necho  1\n```";
  server.reply(server.onlySession, words);
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Copy code" }).click();
  await shows(page, copied, "echo  1");
  await page.locator(".message-bot").hover();
  await page.getByRole("button", { name: "Copy message" }).click();
  await shows(page, copied, words);
  await shows(page, (here) => here.locator("#announcer p").last().textContent(), "Copied");
  await leave();
});

test("frames_of_unknown_kinds_are_ignored", async () => {
  const { server, page, leave } = await visit();
  await shows(page, (here) => here.locator("#status").textContent(), "Online");
  for (const frame of [{ event: "unheard", data: {} }, { type: "unheard", content: "x", message_type: 2 }, [], 5, null, { event: "received" }, { event: "error" }]) {
    server.toAll(server.onlySession, frame);
  }
  server.reply(server.onlySession, "Still here");
  await shows(page, bubbles, ["Still here"]);
  await leave();
});

test("a_secret_is_hidden_while_it_is_typed_and_kept_nowhere", async () => {
  const { server, page, leave } = await visit();
  const hidden = (page) => page.locator("#message").evaluate((field) => getComputedStyle(field).webkitTextSecurity);
  await page.locator("#status .dot-good").waitFor();
  await shows(page, hidden, "none");
  server.reply(server.onlySession, { content: "Your password?", asks_secret: true });
  await shows(page, hidden, "disc");
  assert.equal(await page.locator("#message").getAttribute("placeholder"), "Write the secret…");
  await page.fill("#message", "correct horse");
  await page.waitForTimeout(500);
  const kept = () => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.doesNotMatch(await kept(), /correct horse/);
  const held = [];
  server.onMessage = (frame, connection) => held.push([frame, connection]);
  await page.press("#message", "Enter");
  await shows(page, bubbles, ["Your password?", "•••••• (not shown)"]);
  assert.equal(server.messagesHeard().at(-1).content, "correct horse");
  assert.doesNotMatch(await kept(), /correct horse/);
  await shows(page, hidden, "none");
  server.commit(...held[0]);
  await shows(page, states, ["Received"]);
  // Answered in another window while something stands in the field of this one.
  server.reply(server.onlySession, { content: "Again, please?", asks_secret: true });
  await shows(page, hidden, "disc");
  await page.fill("#message", "half a sec");
  server.toAll(server.onlySession, { ...server.envelope(server.onlySession), message_type: 1, content: "", masked: true, turn_id: "elsewhere" });
  await shows(page, hidden, "none");
  assert.equal(await page.inputValue("#message"), "");
  assert.doesNotMatch(await kept(), /half a sec/);
  await leave();
});

test("a_reply_is_rated_with_a_thumb_which_can_be_taken_back", async () => {
  const { server, page, leave } = await visit({ greeting: { content: "Welcome", reply_id: "r1" } });
  await shows(page, bubbles, ["Welcome"]);
  const pressed = (page) => page.locator(".thumb").evaluateAll((thumbs) => thumbs.map((thumb) => thumb.getAttribute("aria-pressed")));
  const good = page.getByRole("button", { name: "Good answer" });
  await good.focus();
  await page.keyboard.press("Enter");
  await shows(page, pressed, ["true", "false"]);
  assert.equal(await good.evaluate((thumb) => thumb === document.activeElement), true);
  await page.keyboard.press("Enter");
  await shows(page, pressed, ["false", "false"]);
  await page.locator(".message").hover();
  await page.getByRole("button", { name: "Bad answer" }).click();
  await shows(page, pressed, ["false", "true"]);
  await shows(page, () => server.ratings, [{ reply: "r1", rating: "good" }, { reply: "r1", rating: null }, { reply: "r1", rating: "bad" }]);
  // Another window of the same visitor.
  server.toAll(server.onlySession, { event: "rated", data: { reply_id: "r1", rating: "good" }, position: 1000 });
  await shows(page, pressed, ["true", "false"]);
  server.rates = false;
  await good.focus();
  await page.keyboard.press("Enter");
  await shows(page, (page) => page.locator("#notice").innerText(), "What you think of the answer could not be sent.");
  await shows(page, pressed, ["true", "false"]);
  await leave();
});
