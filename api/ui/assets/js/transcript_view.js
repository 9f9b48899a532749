// The transcript on the page: keeps one element for each row and touches only what has changed, so that
// selections, focus and the place where one reads survive.

import { byId, element } from "./element.js";
import { rowsOf } from "./layout.js";
import { createMessageView } from "./message_view.js";

export function createTranscriptView(tools) {
  const { text, clock } = tools;
  const list = byId("transcript");
  list.setAttribute("aria-label", text("conversation"));
  const views = new Map();
  const announced = new Set();

  /** Shows the rows; gives back the complete replies that were not there before, as `{key, position, text}`. */
  function show(transcript, { unreadFrom, connected }) {
    const rows = rowsOf(transcript.entries, unreadFrom);
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, view] of views) {
      if (keys.has(key)) continue;
      view.node.remove();
      views.delete(key);
    }
    for (const [index, row] of rows.entries()) {
      const view = viewOf(row);
      if (row.kind === "message") view.update(row, { connected });
      else view.update(row);
      if (list.children[index] !== view.node) list.insertBefore(view.node, list.children[index] ?? null);
    }
    return freshReplies(rows);
  }

  function viewOf(row) {
    if (!views.has(row.key)) views.set(row.key, row.kind === "message" ? createMessageView(tools) : separator());
    return views.get(row.key);
  }

  function separator() {
    const words = element("span");
    const node = element("div", { class: "separator" }, words);
    return {
      node,
      update(row) {
        node.classList.toggle("separator-unread", row.kind === "unread");
        const label = row.kind === "unread" ? text("unread") : clock.day(row.at, new Date());
        if (words.textContent !== label) words.textContent = label;
      },
    };
  }

  function freshReplies(rows) {
    const fresh = rows.filter(({ kind, key, entry }) =>
      kind === "message" && entry.author !== "visitor" && !entry.streaming && !announced.has(key));
    for (const { key } of fresh) announced.add(key);
    return fresh.map(({ key, entry }) => ({ key, position: entry.position, attendant: entry.attendant, text: views.get(key).text() }));
  }

  return { show };
}
