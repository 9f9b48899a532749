// Files against the stand-in: attached, uploaded, sent, shown, saved; and what goes wrong on the way.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { complaints } from "../support/axe.mjs";
import { launchBrowser, openPage } from "../support/browser.mjs";
import { startStandIn } from "../support/stand_in_server.mjs";
import { bubbles, say, shows, states } from "../support/looking.mjs";

// One red point.
const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");
const file = (name, content = "words") => ({ name, mimeType: "text/plain", buffer: Buffer.from(content) });
const picture = (name) => ({ name, mimeType: "image/png", buffer: PNG });

let browser;
before(async () => (browser = await launchBrowser()));
after(() => browser.close());

async function visit(options = {}) {
  const server = await startStandIn();
  const page = await openPage(browser, `${server.url}/helper`, options);
  await page.locator("#status .dot-good").waitFor();
  return { server, page, leave: async () => {
    assert.deepEqual(page.mistakes, []);
    await page.context().close();
    await server.stop();
  } };
}

const attached = (page) => page.locator(".attachment-name").allInnerTexts();
const uploadedAll = (page) => page.waitForFunction(() => document.querySelectorAll(".attachment").length > 0 && !document.querySelector(".attachment progress"));
const names = (page) => page.locator(".file-name").allInnerTexts();

test("files_are_uploaded_at_once_and_go_out_with_the_message", async () => {
  const { server, page, leave } = await visit();
  await page.setInputFiles("#attach-input", [picture("cat.png"), file("list.txt")]);
  await uploadedAll(page);
  assert.deepEqual(await attached(page), ["cat.png", "list.txt"]);
  assert.match(await page.locator("#announcer").textContent(), /is ready to be sent/);
  await say(page, "Look");
  await shows(page, states, ["Received"]);
  assert.deepEqual(await names(page), ["cat.png", "list.txt"]);
  assert.equal(await page.locator("#attachments").isVisible(), false);
  const [sent] = server.messagesHeard();
  // In the order in which they were chosen, whichever arrived first.
  assert.deepEqual(sent.files.map((id) => server.files.get(id).name), ["cat.png", "list.txt"]);
  // The picture is shown, from memory.
  const shown = page.locator(".file-picture");
  await shown.waitFor();
  assert.equal(await shown.evaluate((image) => image.naturalWidth), 1);
  assert.match(await shown.getAttribute("src"), /^blob:/);
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: /^Save list.txt/ }).click();
  const saved = await saving;
  assert.equal(saved.suggestedFilename(), "list.txt");
  assert.equal(readFileSync(await saved.path(), "utf8"), "words");
  // The history has them, too.
  await page.reload();
  await shows(page, names, ["cat.png", "list.txt"]);
  await page.locator(".file-picture").waitFor();
  await leave();
});

test("a_message_may_be_of_files_alone", async () => {
  const { server, page, leave } = await visit();
  assert.equal(await page.locator("#send-button").isDisabled(), true);
  await page.setInputFiles("#attach-input", file("a.txt"));
  await uploadedAll(page);
  await page.locator("#send-button").click();
  await shows(page, states, ["Received"]);
  await shows(page, names, ["a.txt"]);
  const [sent] = server.messagesHeard();
  assert.equal(sent.content, "");
  await leave();
});

test("nothing_is_sent_while_a_file_is_on_its_way_and_it_can_be_taken_back", async () => {
  const { server, page, leave } = await visit();
  let release;
  server.onRequest = (request) => {
    if (request.method !== "POST") return false;
    release = () => request.socket.destroy();
    return true;
  };
  await page.fill("#message", "Wait");
  await page.setInputFiles("#attach-input", file("slow.txt"));
  await page.locator(".attachment progress").waitFor();
  assert.equal(await page.locator("#send-button").isDisabled(), true);
  await page.press("#message", "Enter");
  assert.deepEqual(server.messagesHeard(), []);
  await page.getByRole("button", { name: "Remove slow.txt" }).click();
  assert.equal(await page.locator("#attachments").isVisible(), false);
  await page.press("#message", "Enter");
  await shows(page, bubbles, ["Wait"]);
  release();
  server.onRequest = null;
  await leave();
});

test("a_file_that_cannot_be_uploaded_says_why_and_can_be_tried_again", async () => {
  const { server, page, leave } = await visit();
  server.fileBytesMax = 3;
  await page.setInputFiles("#attach-input", file("big.txt"));
  await page.locator(".attachment-failed").waitFor();
  assert.equal(await page.locator(".attachment-note").innerText(), "The file is too large.");
  assert.equal(await page.locator("#send-button").isDisabled(), true);
  server.fileBytesMax = 100;
  await page.locator(".attachment").getByRole("button", { name: "Try again" }).click();
  await uploadedAll(page);
  assert.equal(await page.locator(".attachment-failed").count(), 0);
  await page.setInputFiles("#attach-input", Array.from({ length: 11 }, (_, number) => file(`${number}.txt`)));
  await uploadedAll(page);
  assert.equal((await attached(page)).length, 10);
  assert.equal(await page.locator("#notice").innerText(), "A message takes 10 files at most.");
  await leave();
});

test("files_can_be_pasted_and_dropped", async () => {
  const { page, leave } = await visit();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["x"], "pasted.txt", { type: "text/plain" }));
    document.getElementById("message").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await shows(page, attached, ["pasted.txt"]);
  const dragged = (type) => page.evaluate((name) => {
    const data = new DataTransfer();
    data.items.add(new File(["y"], "dropped.txt", { type: "text/plain" }));
    const event = new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true });
    return document.getElementById("transcript").dispatchEvent(event);
  }, type);
  await dragged("dragenter");
  assert.equal(await page.locator(".chat.dropping").count(), 1);
  // Not prevented, the browser would leave the page for the file.
  assert.equal(await dragged("dragover"), false);
  assert.equal(await dragged("drop"), false);
  assert.equal(await page.locator(".chat.dropping").count(), 0);
  await shows(page, attached, ["pasted.txt", "dropped.txt"]);
  await leave();
});

test("a_message_that_is_edited_has_its_files_again", async () => {
  const { server, page, leave } = await visit();
  server.onMessage = (frame, connection) =>
    server.send(connection, { event: "error", data: { message_id: frame.message_id, code: "forbidden", message: "No", retryable: false } });
  await page.setInputFiles("#attach-input", file("a.txt"));
  await uploadedAll(page);
  await say(page, "Look");
  await page.getByRole("button", { name: "Edit" }).click();
  assert.equal(await page.inputValue("#message"), "Look");
  assert.deepEqual(await attached(page), ["a.txt"]);
  await leave();
});

test("names_of_files_are_words_and_long_ones_stay_within", async () => {
  const { server, page, leave } = await visit({ viewport: { width: 360, height: 700 } });
  const name = `<img src=x onerror=alert(1)>${"long".repeat(40)}.txt`;
  await page.setInputFiles("#attach-input", file("a.txt"));
  await uploadedAll(page);
  await say(page, "Look");
  await shows(page, states, ["Received"]);
  const [own] = server.onlySession.log;
  server.reply(server.onlySession, "Thanks");
  server.toAll(server.onlySession, { ...own, ...server.envelope(server.onlySession), turn_id: "other", message_id: "other", files: [{ ...own.files[0], name }] });
  await shows(page, (page) => page.locator(".file-name").last().innerText(), name);
  assert.equal(await page.locator(".file img").count(), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await leave();
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 768, 1440]) {
    test(`axe_finds_nothing_beside_files_in_${colorScheme}_at_${width}`, async () => {
      const { page, leave } = await visit({ colorScheme, viewport: { width, height: 800 } });
      await page.setInputFiles("#attach-input", [picture("cat.png"), file("list.txt")]);
      await uploadedAll(page);
      await say(page, "Look");
      await page.locator(".file-picture").waitFor();
      await page.setInputFiles("#attach-input", file("next.txt"));
      await uploadedAll(page);
      assert.deepEqual(await complaints(page), []);
      await leave();
    });
  }
}
