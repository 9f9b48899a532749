// The page as files: policy, sizes, texts, colours, copies of libraries.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chosenLanguage, clockIn } from "../../assets/js/texts.js";
import { TEXTS } from "../../assets/js/desk/texts.js";
import { english } from "../../assets/js/texts/en.js";
import { portuguese } from "../../assets/js/texts/pt.js";
import { accentOn, contrast, parsedColour } from "../../assets/js/theme.js";
import { compressed as packed } from "../support/stand_in_server.mjs";

const PAGE = fileURLToPath(new URL("../../", import.meta.url));
const read = (path) => readFileSync(PAGE + path);
const filesIn = (folder, ending) => readdirSync(PAGE + folder).filter((name) => name.endsWith(ending)).map((name) => `${folder}/${name}`);
const compressed = (paths) => paths.reduce((sum, path) => sum + packed(read(path)).length, 0);
const html = read("chat.html").toString();

test("the_page_has_no_inline_script_or_style_and_fetches_nothing_from_other_hosts", () => {
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/);
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=/);
  for (const [, address] of html.matchAll(/\s(?:src|href)="([^"]*)"/g)) assert.match(address, /^(\/assets\/|#)/);
});

test("every_module_but_the_languages_is_fetched_ahead", () => {
  const modules = [...filesIn("assets/js", ".js"), ...filesIn("assets/vendor", ".js")];
  for (const path of modules) assert.ok(html.includes(`"/${path}"`), path);
});

test("a_visit_loads_less_than_60_kB_of_script_and_20_kB_of_style", () => {
  const scripts = [...filesIn("assets/js", ".js"), ...filesIn("assets/vendor", ".js"), "assets/js/texts/pt.js"];
  assert.ok(compressed(scripts) < 60_000, `scripts: ${compressed(scripts)} bytes`);
  assert.ok(compressed(filesIn("assets/css", ".css")) < 20_000);
  // What a page elsewhere loads before anyone opens the chat.
  assert.ok(compressed(["embed.js"]) < 4_000);
});

test("copies_of_libraries_are_the_published_ones", () => {
  for (const folder of ["assets/vendor", "assets/graphiql"]) {
    const table = read(`${folder}/README.md`).toString();
    const copies = [...filesIn(folder, ".js"), ...filesIn(folder, ".min.css")].filter((path) => !path.endsWith("/page.js"));
    for (const path of copies) assert.ok(table.includes(createHash("sha256").update(read(path)).digest("hex")), path);
  }
});

test("every_language_says_everything_with_the_same_values", () => {
  const values = (text) => [...JSON.stringify(text).matchAll(/\{\w+\}/g)].map(String).sort().filter((one, index, all) => one !== all[index - 1]);
  for (const [one, other] of [[english, portuguese], [TEXTS.en, TEXTS.pt]]) {
    assert.deepEqual(Object.keys(other), Object.keys(one));
    for (const name of Object.keys(one)) assert.deepEqual(values(other[name]), values(one[name]), name);
  }
});

test("every_text_is_used", () => {
  const modules = [...filesIn("assets/js", ".js"), ...filesIn("assets/js/desk", ".js")].map((path) => read(path).toString()).join("\n");
  for (const name of Object.keys({ ...english, ...TEXTS.en })) assert.ok(modules.includes(`"${name}"`), name);
});

test("the_first_wanted_language_that_there_is_is_taken", () => {
  assert.deepEqual(chosenLanguage(["de-AT", "pt-BR", "en"]), { language: "pt", locale: "pt-BR" });
  assert.deepEqual(chosenLanguage(["eo"]), { language: "en", locale: "en" });
});

test("days_are_told_relative_to_today", () => {
  const clock = clockIn("en-GB");
  const now = new Date(2026, 2, 1, 0, 5);
  assert.equal(clock.day(new Date(2026, 2, 1, 0, 1), now), "Today");
  assert.equal(clock.day(new Date(2026, 1, 28, 23, 59), now), "Yesterday");
  assert.match(clock.day(new Date(2025, 1, 28), now), /2025/);
});

test("any_accent_is_readable_on_both_backgrounds", () => {
  for (const background of [[243, 244, 247], [36, 40, 46]]) {
    for (const colour of ["#000", "#ffffff", "#0D2B55", "#FFF9C2", "#ff0000", "#00ff00", "#7f7f7f", "#2f5fdb", "rgb(36, 40, 46)"]) {
      const { fill, ink, text } = accentOn(parsedColour(colour), background);
      assert.ok(contrast(parsedColour(ink), parsedColour(fill)) >= 4.5, `${colour}: ink on fill`);
      assert.ok(contrast(parsedColour(text), background) >= 4.5, `${colour}: text`);
    }
  }
  assert.equal(parsedColour("red; } body {"), null);
});
