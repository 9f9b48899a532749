// From the Markdown that bots write to HTML text that is already harmless: raw HTML becomes visible text,
// links and images keep only addresses of known kinds. Pure: no document is needed.
//
// This is the first of two walls; sanitised.js is the second, and the only one that makes elements.

import { Marked } from "../vendor/marked.esm.js";

const LINK_PROTOCOLS = ["http:", "https:", "mailto:"];
const IMAGE_DATA = /^data:image\/(png|jpeg|gif|webp|avif);base64,[a-z0-9+/=\s]+$/i;

/** The address if a link may lead there, else null. Relative addresses are those of the page's own host. */
export function linkAddress(address, base) {
  const url = parsedAddress(address, base);
  return url !== null && LINK_PROTOCOLS.includes(url.protocol) ? url.href : null;
}

/** The address if an image may be shown from there (the page's own host, or in the message itself), else null. */
export function imageAddress(address, base) {
  if (IMAGE_DATA.test(address)) return address;
  const url = parsedAddress(address, base);
  return url !== null && url.origin !== "null" && url.origin === new URL(base).origin ? url.href : null;
}

/** Markdown with tables, lists, code and line breaks as they were written, to HTML text. */
export function markdownToHtml(text, base) {
  const marked = new Marked({ gfm: true, breaks: true, async: false, tokenizer: WITHOUT_HTML, renderer: rendererFor(base) });
  return marked.parse(text);
}

// Raw HTML is not recognised at all, so that it is text like any other, Markdown within it included.
const WITHOUT_HTML = { html: () => undefined, tag: () => undefined };

function rendererFor(base) {
  return {
    // Never called while HTML is not recognised; kept so that this wall does not hang on that alone.
    html: ({ text }) => escaped(text),
    // Headings of a message are no headings of the page.
    heading({ tokens, depth }) {
      return `<p class="heading heading-${depth <= 2 ? "large" : "small"}">${this.parser.parseInline(tokens)}</p>\n`;
    },
    link({ href, title, tokens }) {
      const label = this.parser.parseInline(tokens);
      const address = linkAddress(href, base);
      return address === null ? label : anchor(address, title, label);
    },
    image({ href, title, text }) {
      const address = imageAddress(href, base);
      if (address !== null) {
        return `<img src="${escaped(address)}" alt="${escaped(text)}"${titleOf(title)}>`;
      }
      const elsewhere = linkAddress(href, base);
      return elsewhere === null ? escaped(text) : anchor(elsewhere, title, escaped(text || elsewhere));
    },
    code({ text, lang }) {
      const language = /^[\w+#.-]{1,30}/.exec(lang ?? "")?.[0] ?? "";
      return `<pre data-language="${escaped(language)}"><code>${escaped(text)}</code></pre>\n`;
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  };
}

const anchor = (address, title, label) => `<a href="${escaped(address)}"${titleOf(title)}>${label}</a>`;
const titleOf = (title) => (title ? ` title="${escaped(title)}"` : "");

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text) => text.replace(/[&<>"']/g, (character) => ESCAPES[character]);

function parsedAddress(address, base) {
  try {
    return new URL(address, base);
  } catch {
    return null;
  }
}
