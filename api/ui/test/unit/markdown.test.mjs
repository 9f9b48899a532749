// Markdown to HTML text: what bots may write comes out right, what nobody may write comes out harmless.
// (The second wall, which needs a document, is tried in browser/hostile.test.mjs with the same corpus.)

import assert from "node:assert/strict";
import { test } from "node:test";
import { markdownToHtml } from "../../assets/js/markdown.js";
import { HOSTILE } from "../support/hostile.mjs";

const BASE = "https://chat.example/helper";
const html = (text) => markdownToHtml(text, BASE).trim();
const ALLOWED = /^<\/?(a|blockquote|br|code|del|em|hr|img|li|ol|p|pre|s|strong|table|tbody|td|th|thead|tr|ul)(\s|>|\/)/;

test("hostile_markdown_makes_only_harmless_tags_and_addresses", () => {
  for (const text of HOSTILE) {
    const made = html(text);
    for (const [tag] of made.matchAll(/<[^>]*>/g)) {
      assert.match(tag, ALLOWED, text);
      const outsideOfValues = tag.replace(/"[^"]*"/g, '""');
      assert.doesNotMatch(outsideOfValues, /\son\w+\s*=|\sstyle\s*=|\ssrcdoc\s*=/i, text);
      const address = /\s(?:href|src)="([^"]*)"/.exec(tag)?.[1];
      if (address !== undefined) assert.match(address, /^(https?:|mailto:|data:image\/(png|gif|jpeg|webp|avif);base64,)/, text);
    }
    assert.equal(/<img/.test(made) && !/src="(https:\/\/chat\.example\/|data:image\/)/.test(made), false, text);
  }
});

test("raw_html_is_text_and_markdown_within_it_still_works", () => {
  assert.equal(html("<b>**x**</b>"), "<p>&lt;b&gt;<strong>x</strong>&lt;/b&gt;</p>");
  assert.equal(html("a < b && c > d"), "<p>a &lt; b &amp;&amp; c &gt; d</p>");
});

test("links_lead_only_to_web_pages_and_mail", () => {
  assert.equal(html("[x](https://example.org/?a=1&b=2)"), '<p><a href="https://example.org/?a=1&amp;b=2">x</a></p>');
  assert.equal(html("[x](/terms)"), '<p><a href="https://chat.example/terms">x</a></p>');
  assert.equal(html("<ada@example.org>"), '<p><a href="mailto:ada@example.org">ada@example.org</a></p>');
  assert.equal(html("[x](javascript:alert(1))"), "<p>x</p>");
  assert.equal(html("[x](tel:+1)"), "<p>x</p>");
});

test("images_from_elsewhere_become_links", () => {
  assert.equal(html("![cat](/assets/cat.png)"), '<p><img src="https://chat.example/assets/cat.png" alt="cat"></p>');
  assert.equal(html("![cat](data:image/png;base64,AAAA)"), '<p><img src="data:image/png;base64,AAAA" alt="cat"></p>');
  assert.equal(html("![cat](https://elsewhere.example/cat.png)"), '<p><a href="https://elsewhere.example/cat.png">cat</a></p>');
  assert.equal(html("![cat](data:image/svg+xml;base64,AAAA)"), "<p>cat</p>");
});

test("code_is_kept_as_it_was_written", () => {
  assert.equal(html("```html\n<i>\n```"), '<pre data-language="html"><code>&lt;i&gt;</code></pre>');
  assert.equal(html("`<i>`"), "<p><code>&lt;i&gt;</code></p>");
});

test("single_line_breaks_are_kept", () => {
  assert.equal(html("one\ntwo"), "<p>one<br>two</p>");
});

test("headings_are_no_headings_of_the_page", () => {
  assert.equal(html("# Big *one*"), '<p class="heading heading-large">Big <em>one</em></p>');
});

test("tables_and_task_lists_are_understood", () => {
  assert.match(html("|a|b|\n|-|-:|\n|1|2|"), /<td align="right">2<\/td>/);
  assert.match(html("- [x] done\n- [ ] open"), /☑ done[\s\S]*☐ open/);
});

test("pathological_texts_are_finished_soon", () => {
  const began = performance.now();
  for (const text of ["*".repeat(5_000), "[".repeat(5_000), "`".repeat(5_001), "<".repeat(5_000), "|a".repeat(2_000), "> ".repeat(300), "a\n".repeat(2_000)]) html(text);
  assert.ok(performance.now() - began < 5_000);
});
