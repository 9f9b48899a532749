// Starts the Chromium of the system for the tests of the page.

import { chromium } from "playwright-core";

/** `BOTSERVER_CHROMIUM` names another binary than Debian's. */
export function launchBrowser() {
  return chromium.launch({
    executablePath: process.env.BOTSERVER_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page whose script errors and policy violations are collected in `page.mistakes`. */
export async function openPage(browser, address, options = {}, going = {}) {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 768, height: 900 }, ...options });
  const page = await context.newPage();
  page.mistakes = [];
  page.on("pageerror", (error) => page.mistakes.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    // The browser itself reports a refused request or socket; those are what some tests are about.
    if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(text)) page.mistakes.push(text);
  });
  await page.goto(address, going);
  return page;
}
