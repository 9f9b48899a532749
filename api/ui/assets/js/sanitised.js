// From the Markdown of a message to elements. Whatever markdown.js lets through, only the tags and
// attributes listed here reach the page; each link and image is looked at again.

import "../vendor/purify.min.js";
import { imageAddress, linkAddress, markdownToHtml } from "./markdown.js";

const TAGS = [
  "a", "blockquote", "br", "code", "del", "em", "hr", "img", "li", "ol", "p", "pre", "s", "strong",
  "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const ATTRIBUTES = ["align", "alt", "class", "data-language", "href", "src", "start", "title"];
const CLASSES = ["heading", "heading-large", "heading-small"];

const purify = globalThis.DOMPurify;

purify.addHook("afterSanitizeAttributes", (node) => {
  for (const name of [...node.classList]) if (!CLASSES.includes(name)) node.classList.remove(name);
  if (node.nodeName === "A") confineLink(node);
  if (node.nodeName === "IMG") confineImage(node);
});

// Longer texts are shown as they are: laying out megabytes of tables would hold up the whole page.
const MARKDOWN_LENGTH_MAX = 100_000;

/** The elements of a message written in Markdown, as a fragment. */
export function fragmentOf(text) {
  try {
    if (text.length <= MARKDOWN_LENGTH_MAX) return sanitised(markdownToHtml(text, location.href));
  } catch {
    // Nested so deeply that the parser gave up: the text itself is still worth reading.
  }
  const fragment = document.createDocumentFragment();
  const paragraph = document.createElement("p");
  paragraph.className = "verbatim";
  paragraph.textContent = text;
  fragment.append(paragraph);
  return fragment;
}

function sanitised(html) {
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}

function confineLink(link) {
  const address = linkAddress(link.getAttribute("href") ?? "", location.href);
  if (address === null) return link.removeAttribute("href");
  link.setAttribute("href", address);
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer");
}

function confineImage(image) {
  const address = imageAddress(image.getAttribute("src") ?? "", location.href);
  if (address === null) return image.remove();
  image.setAttribute("src", address);
  image.setAttribute("loading", "lazy");
}
