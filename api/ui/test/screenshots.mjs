// Pictures of the page against the stand-in server, to be looked at: every state at 360, 768 and 1440 pixels in
// light and dark.
//
//   node screenshots.mjs FOLDER [STATE]
//
// Says which states stick out sideways at some width and ends with 1 if any does.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchBrowser, openPage } from "./support/browser.mjs";
import { startForeignPage, TAG } from "./support/foreign_page.mjs";
import { say } from "./support/looking.mjs";
import { BOT, startStandIn } from "./support/stand_in_server.mjs";

const WIDTHS = [360, 768, 1440];
const [folder, only] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node screenshots.mjs FOLDER [STATE]");
  process.exit(2);
}

const RICH = `# Opening hours

You find us at the *north quay*, see [the map](https://example.org/map). Bring \`booking-4711\`.

| Berth | Length | Price per night | Remarks |
|---|--:|--:|---|
| A 12 | 9 m | 24.00 € | water and power |
| B 3 | 14 m | 41.50 € | water, power, close to the showers and to the restaurant |

1. Call on channel 9
2. Wait for the light
   - green: come in
   - red: stay out

\`\`\`js
const berth = harbour.berths.find((one) => one.length >= boat.length && one.free && !one.reserved);
\`\`\`

> Speed within the harbour is 3 knots.`;
const LONG = `${"Donaudampfschifffahrtsgesellschaftskapitän".repeat(4)} https://example.org/${"path/".repeat(40)}?q=${"x".repeat(80)}`;
const CHIPS = ["Book a berth", "Opening hours", "Where are you?", "I would like to speak with a person who works at the harbour office"].map((text) => ({ text }));

const online = (page) => page.locator("#status .dot-good").waitFor();
const settled = (page) => page.locator(".panel-title").waitFor();
const seen = (page, words) => page.getByText(words).first().waitFor();

/** Each brings a page into a state: `(page, server)` on the open page, `options` before it. */
const STATES = {
  loading: {
    prepare: (server) => (server.onRequest = (request) => request.url.startsWith("/api/auth")),
    act: (page) => seen(page, "Loading the chat…"),
  },
  empty: { act: settled },
  unknown: { bot: "nobody", act: (page) => seen(page, "There is no bot here") },
  conversation: {
    async act(page, server) {
      await settled(page);
      await say(page, "Hello! When are you open, and what does a berth cost?");
      await page.locator(".state-received").waitFor();
      server.reply(server.onlySession, { content: RICH, suggestions: [] });
      await seen(page, "3 knots");
      await say(page, "Thank you");
      await page.locator(".state-received").waitFor();
    },
  },
  thumbs: {
    async act(page, server) {
      await settled(page);
      server.reply(server.onlySession, { content: "Hi", reply_id: "r1", rating: "good" });
      await page.locator(".message").first().hover();
    },
  },
  files: {
    async act(page, server) {
      await settled(page);
      const text = (name) => ({ name, mimeType: "text/plain", buffer: Buffer.from("words ".repeat(300)) });
      await page.setInputFiles("#attach-input", [{ name: "harbour.png", mimeType: "image/png", buffer: await page.screenshot() }, text("a list of boats with a rather long name, of 2026.txt")]);
      await page.waitForFunction(() => !document.querySelector(".attachment progress"));
      await say(page, "This is my boat, and these are the others.");
      await page.locator(".file-picture").waitFor();
      server.reply(server.onlySession, "What a boat!");
      server.fileBytesMax = 1_000;
      await page.setInputFiles("#attach-input", [text("too large.txt"), { ...text("next.txt"), buffer: Buffer.from("x") }]);
      await page.locator(".attachment-failed").waitFor();
    },
  },
  long: {
    async act(page, server) {
      await settled(page);
      server.reply(server.onlySession, LONG);
      await say(page, LONG);
      await page.locator(".state-received").waitFor();
    },
  },
  chips: {
    async act(page, server) {
      await settled(page);
      server.reply(server.onlySession, { content: "Welcome to the harbour. What can I do for you?", suggestions: CHIPS });
      await page.locator(".chip").first().waitFor();
      await page.locator(".chip").first().focus();
    },
  },
  desk: {
    async act(page, server) {
      await settled(page);
      const switchers = [["tables", "Tables", true], ["rhymes", "In rhymes, please, and with a very long name", false], ["cards", "Cards", false]].map(([id, label, active]) => ({ id, label, active }));
      server.toAll(server.onlySession, { event: "set_up", data: { context_name: "Prices", switchers } });
      await say(page, "I would like to talk with a person about my refund.");
      await page.locator(".state-received").waitFor();
      server.reply(server.onlySession, "Of course. I have told the harbour office.");
      server.toAll(server.onlySession, { event: "control", data: { control: "human", attendant: "Ana Silva" } });
      server.reply(server.onlySession, { content: "Good morning, this is **Ana**. Which booking is it?", attendant: "Ana Silva" });
      server.reply(server.onlySession, { content: "The number is on your ticket.", attendant: "Ana Silva" });
      await page.locator("#control:not([hidden])").waitFor();
    },
  },
  typing: {
    async act(page, server) {
      await settled(page);
      await say(page, "Is there a berth for 12 metres?");
      await page.locator(".state-received").waitFor();
      server.toAll(server.onlySession, { event: "typing", data: {} });
      await page.locator("#typing").waitFor();
    },
  },
  failed: {
    async act(page, server) {
      await settled(page);
      server.onMessage = (frame, connection) =>
        server.send(connection, { event: "error", data: { code: "unavailable", message: "The message could not be stored just now.", message_id: frame.message_id } });
      await say(page, "Please keep berth A 12 for me");
      await page.locator(".state-failed").waitFor();
    },
  },
  reconnecting: {
    async act(page, server) {
      await settled(page);
      server.reply(server.onlySession, "Welcome to the harbour.");
      await seen(page, "Welcome to the harbour.");
      server.onRequest = (request) => request.url.startsWith("/api/");
      server.accept = (ws) => ws.terminate();
      server.closeAll(1012);
      await say(page, "Are you still there?");
      await page.locator("#status .dot-busy").waitFor();
    },
  },
  leftward: {
    browser: { locale: "ar" },
    async act(page, server) {
      await settled(page);
      server.reply(server.onlySession, "مرحبًا بكم في الميناء. **كيف** يمكنني مساعدتك؟\n\n- الحجز: `booking-4711`\n- الأسعار\n\n| الرصيف | السعر |\n|---|--:|\n| A 12 | 24.00 € |\n\n```js\nlet x = 1;\n```");
      await say(page, "أريد حجز رصيف لقارب طوله 9 m من فضلك.");
      await page.locator(".state-received").waitFor();
      server.reply(server.onlySession, { content: "This one is English, and stays so. And שלום too.", suggestions: [{ text: "نعم" }, { text: "لا" }, { text: "English?" }] });
      await page.locator(".chip").first().waitFor();
    },
  },
  unread: {
    async act(page, server) {
      await settled(page);
      for (let number = 1; number <= 30; number += 1) server.reply(server.onlySession, `Ship ${number} has arrived.`);
      await seen(page, "Ship 30 has arrived.");
      await page.locator("#scroller").evaluate((scroller) => (scroller.scrollTop = 60));
      await page.locator("#latest-button").waitFor();
      server.reply(server.onlySession, "A ship will arrive.");
      await page.getByRole("button", { name: "1 new message" }).waitFor();
    },
  },
  embedded: {
    foreign: true,
    async act(page, server) {
      await page.locator(".launcher").click();
      const chat = page.frameLocator("[data-botserver-chat] iframe");
      await online(chat);
      server.reply(server.onlySession, { content: RICH, suggestions: CHIPS });
      await chat.locator(".chip").first().waitFor();
    },
  },
};

mkdirSync(folder, { recursive: true });
const browser = await launchBrowser();
for (const [name, state] of Object.entries(STATES)) {
  if (only && only !== name) continue;
  for (const width of WIDTHS) for (const colorScheme of ["light", "dark"]) await picture(name, state, width, colorScheme);
}
await browser.close();

async function picture(name, state, width, colorScheme) {
  const server = await startStandIn({ bots: [{ ...BOT, title: "Harbour office" }] });
  state.prepare?.(server);
  const shop = state.foreign ? await startForeignPage(server.url, { body: `<main><h1>A shop</h1><p>${"Ropes and sails. ".repeat(60)}</p></main>${TAG}` }) : null;
  const options = { viewport: { width, height: width < 500 ? 740 : 900 }, colorScheme, reducedMotion: "reduce", ...state.browser };
  const page = await openPage(browser, shop?.url ?? `${server.url}/${state.bot ?? "helper"}`, options);
  await state.act(page, server);
  await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) });
  const outside = await page.evaluate(() =>
    [document.documentElement, document.querySelector("#scroller")].some((node) => node !== null && node.scrollWidth > node.clientWidth));
  if (outside) {
    console.error(`${name} sticks out at ${width} pixels`);
    process.exitCode = 1;
  }
  await page.context().close();
  await shop?.stop();
  await server.stop();
}
