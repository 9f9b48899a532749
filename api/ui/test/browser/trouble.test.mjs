// The page against the stand-in when things go wrong: nothing is lost, nothing is shown or done twice.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { bubbles, say, shows, states } from "../support/looking.mjs";
import { problem, startStandIn } from "../support/stand_in_server.mjs";

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

const status = (page) => page.locator("#status").textContent();

async function visit({ prepare = () => {}, bot = "helper", online = true } = {}) {
  const server = await startStandIn();
  prepare(server);
  const page = await openPage(browser, `${server.url}/${bot}`);
  if (online) await shows(page, status, "Online");
  return { server, page, leave: async () => {
    assert.deepEqual(page.mistakes, []);
    await page.context().close();
    await server.stop();
  } };
}

test("a_reconnection_brings_what_was_missed_once", async () => {
  const { server, page, leave } = await visit();
  server.reply(server.onlySession, "One");
  await shows(page, bubbles, ["One"]);
  for (const code of [1012, 1013, 1001]) {
    server.closeAll(code);
    await page.waitForFunction(() => true);
    server.reply(server.onlySession, `After ${code}`);
    await page.getByText(`After ${code}`, { exact: true }).waitFor();
    await shows(page, status, "Online");
  }
  assert.deepEqual(await bubbles(page), ["One", "After 1012", "After 1013", "After 1001"]);
  const positions = server.heard.filter((frame) => frame.type === "auth").map((frame) => frame.resume_after);
  assert.deepEqual(positions, positions.toSorted((a, b) => a - b));
  assert.ok(positions.at(-1) > 0);
  await leave();
});

test("a_message_whose_confirmation_was_lost_is_sent_again_and_counted_once", async () => {
  const { server, page, leave } = await visit();
  server.onMessage = (frame, connection) => {
    server.commit(frame, connection, { confirm: false });
    connection.ws.terminate();
    server.onMessage = null;
  };
  await say(page, "Only once");
  await shows(page, states, ["Received"]);
  assert.deepEqual(await bubbles(page), ["Only once"]);
  assert.equal(server.onlySession.log.length, 1);
  assert.equal(server.authCalls.length, 1);
  await leave();
});

test("a_message_that_never_arrived_is_sent_after_the_reconnection", async () => {
  const { server, page, leave } = await visit();
  server.onMessage = (_, connection) => {
    server.onMessage = null;
    connection.ws.terminate();
  };
  await say(page, "First");
  await say(page, "Second");
  await shows(page, states, ["Received"]);
  await shows(page, bubbles, ["First", "Second"]);
  const ids = server.messagesHeard().map((frame) => frame.message_id);
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(server.onlySession.log.map((frame) => frame.content), ["First", "Second"]);
  await leave();
});

test("what_was_written_while_the_server_was_away_goes_out_when_it_is_back_even_after_a_reload_of_the_page", async () => {
  const { server, page, leave } = await visit();
  await server.goAway();
  await say(page, "Are you there?");
  await shows(page, states, ["Waiting for the connection"]);
  await shows(page, async (here) => (await status(here)) !== "Online", true);
  await server.comeBack();
  await shows(page, states, ["Received"]);

  server.onMessage = () => {};
  await say(page, "Before the reload");
  await shows(page, (here) => here.locator(".state-sending").count(), 1);
  server.onMessage = null;
  await page.reload();
  await shows(page, bubbles, ["Are you there?", "Before the reload"]);
  await shows(page, (here) => here.locator(".state-sending").count(), 0);
  assert.deepEqual(server.onlySession.log.map((frame) => frame.content), ["Are you there?", "Before the reload"]);
  await leave();
});

test("a_credential_that_the_socket_refuses_is_replaced_once_and_the_message_goes_along", async () => {
  const { server, page, leave } = await visit();
  server.reply(server.onlySession, "Old conversation");
  await shows(page, bubbles, ["Old conversation"]);
  const old = server.onlySession;
  server.sessions.clear();
  server.closeAll(1012);
  await say(page, "Still here");
  await shows(page, states, ["Received"]);
  assert.deepEqual(await bubbles(page), ["Still here"]);
  assert.notEqual(server.onlySession.id, old.id);
  assert.deepEqual(server.heard.filter((frame) => frame.type === "auth").at(-1), { type: "auth", session_id: server.onlySession.credential, resume_after: 0 });
  assert.equal(server.messagesHeard().at(-1).session_id, server.onlySession.id);
  assert.match(await page.locator("#notice").textContent(), /new one/);
  await leave();
});

test("a_credential_refused_again_and_again_ends_in_words_and_a_button", async () => {
  const { server, page, leave } = await visit({ online: false, prepare: (server) => { server.enter = ({ ws }) => ws.close(4401); } });
  await page.getByText("The conversation could not be opened").waitFor();
  assert.equal(await status(page), "Not connected");
  assert.equal(server.authCalls.length, 2);
  delete server.enter;
  await page.getByRole("button", { name: "Try now" }).click();
  await shows(page, status, "Online");
  await leave();
});

test("a_stream_that_breaks_off_is_shown_whole_and_once_afterwards", async () => {
  const { server, page, leave } = await visit();
  const part = (content) => server.toAll(server.onlySession, { message_type: 2, is_complete: false, stream_token: "s", content });
  part("The answer ");
  await shows(page, bubbles, ["The answer"]);
  server.closeAll(1012);
  server.reply(server.onlySession, { content: "The answer is long.", stream_token: "s" });
  await shows(page, bubbles, ["The answer is long."]);
  await shows(page, status, "Online");
  part("late part");
  server.reply(server.onlySession, "Next");
  await shows(page, bubbles, ["The answer is long.", "Next"]);
  await leave();
});

test("a_refused_message_says_why_and_can_be_tried_again_or_edited", async () => {
  const { server, page, leave } = await visit();
  server.onMessage = (frame, connection) => server.send(connection, { event: "error", data: { code: "not_now", message: "Not now", message_id: frame.message_id } });
  await say(page, "Please");
  await shows(page, states, ["Not sent"]);
  assert.equal(await page.locator(".reason").textContent(), "Not now");
  server.onMessage = null;
  await page.getByRole("button", { name: "Try again" }).click();
  await shows(page, states, ["Received"]);
  const [first, second] = server.messagesHeard();
  assert.equal(first.message_id, second.message_id);

  server.onMessage = (frame, connection) => server.send(connection, { event: "error", data: { code: "not_now", message: "Not now", message_id: frame.message_id } });
  await say(page, "Wrong words");
  await page.getByRole("button", { name: "Edit" }).click();
  assert.equal(await page.inputValue("#message"), "Wrong words");
  await shows(page, bubbles, ["Please"]);
  await leave();
});

test("a_message_that_breaks_every_connection_is_given_up", async () => {
  const { server, page, leave } = await visit();
  server.onMessage = (_, connection) => connection.ws.close(1009);
  await say(page, "Poison");
  await shows(page, states, ["Not sent"]);
  assert.equal(server.messagesHeard().length, 3);
  await shows(page, status, "Online");
  await leave();
});

test("a_visitor_without_a_network_is_told_and_connected_when_it_is_back", async () => {
  const { server, page, leave } = await visit();
  await page.context().setOffline(true);
  for (const { ws } of server.connections) ws.terminate();
  await say(page, "Later");
  await shows(page, states, ["Waiting for the connection"]);
  await shows(page, status, "You are offline. Messages go out when you are back.");
  await page.context().setOffline(false);
  await shows(page, states, ["Received"]);
  await shows(page, status, "Online");
  await leave();
});

test("an_unknown_bot_is_told_in_words", async () => {
  const { page, leave } = await visit({ bot: "nobody", online: false });
  await page.getByRole("heading", { name: "There is no bot here" }).waitFor();
  await page.getByText("“nobody”").waitFor();
  assert.equal(await page.locator("#message").isVisible(), false);
  await leave();
});

test("a_server_that_is_away_is_told_and_found_again", async () => {
  const away = (request, response) => request.url.startsWith("/api/") && (problem(response, 503, "unavailable"), true);
  const { server, page, leave } = await visit({ online: false, prepare: (server) => { server.onRequest = away; } });
  await page.getByRole("heading", { name: "The server cannot be reached" }).waitFor();
  server.onRequest = null;
  await page.getByRole("button", { name: "Try now" }).click();
  await shows(page, status, "Online");
  await leave();
});

test("too_many_visitors_are_asked_to_wait", async () => {
  const busy = (request, response) => request.url.startsWith("/api/auth") && (problem(response, 429, "too_many", { "retry-after": "2" }), true);
  const { server, page, leave } = await visit({ online: false, prepare: (server) => { server.onRequest = busy; } });
  await page.getByText("tries again by itself in 2 seconds").waitFor();
  server.onRequest = null;
  await shows(page, status, "Online");
  server.closeAll(4429);
  await shows(page, async (here) => /^Busy\. Trying again in 3\d s$/.test(await status(here)), true);
  await leave();
});

test("late_scripts_leave_a_page_that_loads_and_keeps_what_is_typed", async () => {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const server = await startStandIn();
  server.onRequest = (request, response) => {
    if (!request.url.endsWith("/transport.js") || release === null) return false;
    held.then(() => server.answer(request, response));
    return true;
  };
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(`${server.url}/helper`, { waitUntil: "commit" });
  await page.getByText("Loading the chat…").waitFor();
  await page.fill("#message", "typed early");
  const letGo = release;
  release = null;
  letGo();
  await shows(page, status, "Online");
  assert.equal(await page.inputValue("#message"), "typed early");
  assert.equal(await page.locator("#send-button").isEnabled(), true);
  await context.close();
  await server.stop();
});
