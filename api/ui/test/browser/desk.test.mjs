// The page against the stand-in: people who answer in the bot's place, switches, contexts, tools.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { complaints } from "../support/axe.mjs";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { say, shows } from "../support/looking.mjs";
import { startStandIn } from "../support/stand_in_server.mjs";

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

async function visit() {
  const server = await startStandIn();
  const page = await openPage(browser, `${server.url}/helper`);
  await page.locator("#status .dot-good").waitFor();
  return { server, page, session: server.onlySession, leave: async () => {
    assert.deepEqual(page.mistakes, []);
    await page.context().close();
    await server.stop();
  } };
}

const control = (page) => page.locator("#control").evaluate((bar) => (bar.hidden ? null : bar.textContent));
const pressed = (page) => page.locator(".switcher[aria-pressed]").evaluateAll((all) => all.map((one) => [one.textContent, one.ariaPressed]));

test("one_sees_who_answers_and_by_which_name", async () => {
  const { server, page, session, leave } = await visit();
  await say(page, "I need a person");
  await page.locator(".state-received").waitFor();
  const turn = server.messagesHeard().at(-1);
  const tell = (frame) => server.toAll(session, frame);
  tell({ event: "typing", data: { turn_id: "t1" } });
  await page.locator("#typing").waitFor();
  tell({ event: "control", data: { control: "waiting_for_human", attendant: null } });
  tell({ event: "left_to_human", data: { turn_id: "t1" } });
  await shows(page, control, "A person will answer. You can write on meanwhile.");
  await page.locator("#typing").waitFor({ state: "hidden" });
  assert.equal(turn.content, "I need a person");
  tell({ event: "control", data: { control: "human", attendant: "Ana <b>Silva</b>" } });
  server.reply(session, { content: "Hello, I am Ana", attendant: "Ana <b>Silva</b>" });
  await shows(page, control, "You are talking with Ana <b>Silva</b>.");
  assert.equal(await page.locator(".attendant:visible").textContent(), "Ana <b>Silva</b>");
  assert.match(await page.locator("#announcer").textContent(), /Ana <b>Silva<\/b>: Hello/);
  assert.deepEqual(await complaints(page), []);
  tell({ event: "control", data: { control: "bot", attendant: null } });
  await shows(page, control, null);
  assert.match(await page.locator("#announcer").textContent(), /The bot answers again/);
  await leave();
});

test("switches_and_the_context_are_shown_as_the_server_has_them", async () => {
  const { server, page, session, leave } = await visit();
  const setUp = (active, context_name = null) =>
    server.toAll(session, { event: "set_up", data: { context_name, switchers: [{ id: "tables", label: "Tables", active }, { id: "x", label: "Rhymes", active: false }] } });
  server.onMessage = () => {};
  setUp(false, "prices");
  await shows(page, pressed, [["Tables", "false"], ["Rhymes", "false"]]);
  await page.locator(".switcher", { hasText: "Tables" }).focus();
  await page.keyboard.press("Enter");
  await shows(page, () => server.messagesHeard().map(({ message_type, content }) => [message_type, content]), [[8, "tables"]]);
  setUp(true, "prices");
  await shows(page, pressed, [["Tables", "true"], ["Rhymes", "false"]]);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Tables", "the focus stays");
  assert.deepEqual(await complaints(page), []);
  await page.getByRole("button", { name: "Leave the topic prices" }).click();
  await shows(page, () => server.messagesHeard().at(-1).message_type, 5);
  setUp(true);
  await shows(page, () => page.locator(".switcher-context").count(), 0);
  await leave();
});

test("a_chip_calls_its_tool", async () => {
  const { server, page, session, leave } = await visit();
  server.reply(session, { content: "Welcome", suggestions: [{ text: "Book a berth", action: { type: "invoke_tool", tool: "book", params: { nights: 2 } } }] });
  await page.locator(".chip").click();
  await page.locator(".state-received").waitFor();
  const { content, message_type, tool, params } = server.messagesHeard().at(-1);
  assert.deepEqual({ content, message_type, tool, params }, { content: "Book a berth", message_type: 6, tool: "book", params: { nights: 2 } });
  await leave();
});

test("a_theme_is_proposed_and_not_forced", async () => {
  const { server, page, session, leave } = await visit();
  server.toAll(session, { event: "change_theme", data: { theme: "dark" } });
  await shows(page, () => page.evaluate(() => document.documentElement.dataset.theme ?? null), "dark");
  await page.locator("#theme-button").click();
  await shows(page, () => page.evaluate(() => document.documentElement.dataset.theme), "light");
  server.toAll(session, { event: "change_theme", data: { theme: "dark", color1: "#0b7285" } });
  await shows(page, () => page.evaluate(() => document.documentElement.style.getPropertyValue("--accent-light") !== ""), true);
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  await leave();
});

test("the_desk_is_fetched_when_it_is_needed_and_again_where_that_failed", async () => {
  const { server, page, session, leave } = await visit();
  let asked = 0;
  server.onRequest = (request, response) => {
    if (!request.url.endsWith("/desk/desk.js")) return false;
    asked += 1;
    if (asked === 1) response.writeHead(503).end();
    return asked === 1;
  };
  const tell = (frame) => server.toAll(session, frame);
  tell({ event: "control", data: { control: "bot", attendant: null } });
  server.reply(session, { content: "One" });
  await page.getByText("One", { exact: true }).waitFor();
  assert.equal(asked, 0);
  tell({ event: "control", data: { control: "human", attendant: "Ana" } });
  await shows(page, control, "You are talking with Ana.");
  assert.equal(asked, 2);
  await leave();
});
