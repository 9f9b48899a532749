// One message on the page: its text, its time and state, and what one can do with it.

import { element, icon } from "./element.js";
import { createFileView } from "./file_view.js";
import { fragmentOf } from "./sanitised.js";

const STATES = {
  sending: { icon: "clock", name: "stateSending" },
  waiting: { icon: "clock", name: "stateWaiting" },
  received: { icon: "check", name: "stateReceived" },
  answered: { icon: "checks", name: "stateAnswered" },
  failed: { icon: "alert", name: "stateFailed" },
};

/** A view with its `node`; `update(row, {connected})` shows another version of the same message. */
export function createMessageView(tools) {
  const { text, clock, botTitle, onRetry, onEdit, onRate, announce } = tools;
  const author = element("span", { class: "visually-hidden" });
  const attendant = element("div", { class: "attendant", dir: "auto", "aria-hidden": "true" });
  const body = element("div", { class: "body", dir: "auto" });
  const files = element("div", { class: "files" });
  const meta = element("div", { class: "meta" });
  const toolbar = element("div", { class: "toolbar" });
  const node = element("div", { class: "message" }, attendant, element("div", { class: "bubble" }, author, files, body, toolbar), meta);
  let shown = { content: null, masked: false, files: null, mark: null };

  function update({ entry, first, last }, { connected }) {
    node.className = ["message", `message-${entry.author}`, first && "first", last && "last", entry.streaming && "streaming"]
      .filter(Boolean).join(" ");
    attendant.textContent = first && entry.attendant !== null ? entry.attendant : "";
    attendant.hidden = attendant.textContent === "";
    if (entry.content !== shown.content || entry.masked !== shown.masked) showBody(entry);
    if (entry.files !== shown.files) files.replaceChildren(...entry.files.map((file) => createFileView(file, tools)));
    const state = entry.state === "sending" && !connected ? "waiting" : entry.state;
    const mark = JSON.stringify([state, entry.reason, entry.at, last, entry.streaming, entry.rating]);
    if (mark !== shown.mark) showMeta(entry, state, last);
    shown = { content: entry.content, masked: entry.masked, files: entry.files, mark };
  }

  function showBody(entry) {
    author.textContent = entry.author === "notice" ? "" : `${entry.author === "visitor" ? text("you") : entry.attendant ?? botTitle()}: `;
    body.classList.toggle("erased", entry.erased || entry.masked);
    if (entry.erased || entry.masked) {
      body.textContent = entry.erased ? text("erased") : text("masked");
      return;
    }
    if (entry.author !== "bot") {
      body.textContent = entry.content;
      return;
    }
    body.replaceChildren(fragmentOf(entry.content));
    for (const block of body.querySelectorAll("pre")) {
      block.tabIndex = 0;
      framed(block, element("div", { class: "code" }, codeHead(block, { text, announce })));
    }
    for (const table of body.querySelectorAll("table")) framed(table, element("div", { class: "wide", tabindex: "0" }));
  }

  function showMeta(entry, state, last) {
    const time = timeOf(entry, clock);
    const important = state !== null && state !== "received" && state !== "answered";
    const shownBelow = entry.author !== "notice" && !entry.streaming && (last || important);
    meta.replaceChildren(...(shownBelow ? [time, ...stateParts(entry, state)].filter(Boolean) : []));
    const copy = entry.author === "notice" || entry.streaming || entry.erased || entry.masked || entry.content === "" ? null : copyButton(() => shown.content, "copyMessage", { text, announce });
    // Pressed again, a thumb is taken back. The focus stays on it.
    const focused = toolbar.contains(document.activeElement) ? document.activeElement.dataset.rating : undefined;
    const thumbs = entry.replyId === null || entry.streaming || entry.erased ? [] : ["good", "bad"].map((rating) => thumb(entry, rating));
    toolbar.replaceChildren(...[shownBelow ? null : timeOf(entry, clock), copy, ...thumbs].filter(Boolean));
    toolbar.hidden = copy === null && thumbs.length === 0;
    if (focused !== undefined) thumbs.find((button) => button.dataset.rating === focused)?.focus();
  }

  function thumb(entry, rating) {
    const pressed = entry.rating === rating;
    const label = text(rating === "good" ? "rateGood" : "rateBad");
    return element("button", { class: "icon-button small thumb", type: "button", "aria-pressed": String(pressed), "aria-label": label, title: label, "data-rating": rating, onclick: () => onRate(entry, pressed ? null : rating) }, icon(rating));
  }

  function stateParts(entry, state) {
    if (state === null) return [];
    const label = element("span", { class: `state state-${state}` }, icon(STATES[state].icon), text(STATES[state].name));
    if (state !== "failed") return [label];
    return [
      label,
      element("span", { class: "reason", text: entry.reason ?? "" }),
      entry.retryable ? element("button", { class: "link-button", type: "button", text: text("tryAgain"), onclick: () => onRetry(entry.messageId) }) : null,
      element("button", { class: "link-button", type: "button", text: text("edit"), onclick: () => onEdit(entry.messageId) }),
    ];
  }

  return { node, update, text: () => body.textContent };
}

function timeOf(entry, clock) {
  if (entry.at === null) return null;
  const at = new Date(entry.at);
  return element("time", { datetime: entry.at, title: clock.moment(at), text: clock.time(at) });
}

function framed(node, frame) {
  node.replaceWith(frame);
  frame.append(node);
}

function codeHead(block, tools) {
  const code = block.textContent;
  const language = element("span", { class: "code-language", text: block.dataset.language ?? "" });
  return element("div", { class: "code-head", dir: "ltr" }, language, copyButton(() => code, "copyCode", tools));
}

function copyButton(content, name, { text, announce }) {
  const label = text(name);
  const button = element("button", { class: "icon-button small", type: "button", "aria-label": label, title: label }, icon("copy"));
  button.addEventListener("click", async () => {
    const copied = await copyText(content());
    announce(text(copied ? "copied" : "notCopied"));
    button.replaceChildren(icon(copied ? "check" : "alert"));
    setTimeout(() => button.replaceChildren(icon("copy")), 1_500);
  });
  return button;
}

/** The clipboard of the browser is open only to https pages; elsewhere the old way through a field. */
async function copyText(content) {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    const focused = document.activeElement;
    const field = element("textarea", { class: "visually-hidden", "aria-hidden": "true" });
    field.value = content;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return copied;
  }
}
