// GraphiQL against the real server: a wrong token is told, a right one opens the tool, a query is answered and a
// subscription is followed; nothing comes from another host, and the page's policy is never violated.
//
//   BOTSERVER_URL=http://localhost:8080 BOTSERVER_TOKEN=... node graphiql.mjs
//
// BOTSERVER_SCREENSHOTS  a folder for pictures

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launchBrowser, openPage } from "./support/browser.mjs";

const { BOTSERVER_URL: base, BOTSERVER_TOKEN: token, BOTSERVER_SCREENSHOTS: pictures } = process.env;
if (!base || !token) {
  console.error("BOTSERVER_URL and BOTSERVER_TOKEN are needed");
  process.exit(2);
}

const browser = await launchBrowser();
const page = await openPage(browser, "about:blank", { viewport: { width: 1280, height: 800 } });
const foreign = [];
page.on("request", (request) => {
  if (!/^(data|blob|about):/.test(request.url()) && new URL(request.url()).host !== new URL(base).host) foreign.push(request.url());
});

async function picture(name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

try {
  await page.goto(`${base}/graphiql`);
  const told = page.locator("#told");
  await page.fill("#token", "nobody");
  await page.press("#token", "Enter");
  await told.filter({ hasText: "not accepted" }).waitFor();
  assert.equal(await page.locator(".graphiql-container").count(), 0);

  await page.fill("#token", token);
  await page.press("#token", "Enter");
  await told.filter({ hasText: "The token is accepted" }).waitFor();
  await page.locator(".graphiql-container").waitFor();
  assert.equal(await page.inputValue("#token"), "", "the token does not stay on the screen");

  const result = page.locator(".result-window");
  // It offers a choice once the editor has read that there are several operations.
  const execute = page.locator('.graphiql-execute-button[aria-haspopup="menu"]');
  await execute.click();
  await page.getByRole("menuitem", { name: "Bots" }).click();
  await result.filter({ hasText: "totalCount" }).waitFor();
  assert.doesNotMatch(await result.textContent(), /errors/);
  await picture("graphiql-query");

  await execute.click();
  await page.getByRole("menuitem", { name: "Lag" }).click();
  await result.filter({ hasText: "projectionsMoved" }).waitFor();
  await picture("graphiql-subscription");

  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.locator(".graphiql-doc-explorer").filter({ hasText: "Subscription" }).waitFor();
  await picture("graphiql-documentation");

  await page.reload();
  await page.locator(".graphiql-container").waitFor();
  await page.click("#forget");
  await told.filter({ hasText: "forgotten" }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.doesNotMatch(await page.evaluate(() => JSON.stringify(localStorage)), new RegExp(token.slice(-12)));

  assert.deepEqual(foreign, [], "nothing comes from other hosts");
  assert.deepEqual(page.mistakes, []);
  console.log("GraphiQL works");
} catch (error) {
  await picture("graphiql-failed");
  console.error(page.mistakes.join("\n"));
  console.error(error);
  process.exitCode = 1;
} finally {
  await browser.close();
}
