// What the visitor attaches: chosen, pasted or dropped, uploaded at once, shown above the field until it is sent.

import { byId, element, icon } from "./element.js";

// The server takes at most so many with one message.
const FILES_MAX = 10;

/**
 * `upload(file, {onProgress, signal})` promises what the server made of a file, or fails with a `Refusal`.
 * `reasonOf(refusal)` says in words why it did. `onChanged` is called whenever what can be sent has changed.
 */
export function createAttachments({ text, size, upload, reasonOf, notify, announce, onChanged }) {
  const list = byId("attachments");
  const button = byId("attach-button");
  const input = byId("attach-input");
  let pending = [];

  function add(files) {
    const room = FILES_MAX - pending.length;
    if (files.length > room) notify(text("tooManyFiles", { count: FILES_MAX }));
    for (const file of [...files].slice(0, Math.max(0, room))) start(file);
  }

  async function start(file) {
    const leaving = new AbortController();
    const one = { name: file.name, bytes: file.size, uploaded: null, leave: () => leaving.abort(), retry: () => {
      remove(one);
      start(file);
    } };
    show(one);
    try {
      const uploaded = await upload(file, { onProgress: one.progress, signal: leaving.signal });
      one.done(uploaded);
      announce(text("fileReady", { name: uploaded.name }));
    } catch (refusal) {
      if (leaving.signal.aborted) return;
      one.failed(reasonOf(refusal));
      announce(`${text("fileFailed", { name: file.name })} ${reasonOf(refusal)}`);
    }
    onChanged();
  }

  /** Puts a file into the list, with its own ways to change what is shown of it. */
  function show(one) {
    const bar = element("progress", { max: "1", value: "0", "aria-label": text("uploading", { name: one.name }) });
    const note = element("span", { class: "attachment-note", text: size(one.bytes) });
    const away = element("button", { class: "icon-button small", type: "button", "aria-label": text("removeFile", { name: one.name }), title: text("removeFile", { name: one.name }), onclick: () => {
      one.leave();
      remove(one);
      byId("message").focus();
    } }, icon("close"));
    const name = element("bdi", { class: "attachment-name", text: one.name });
    one.node = element("li", { class: "attachment" }, icon("file"), element("span", { class: "attachment-words" }, name, note, bar), away);
    one.progress = (share) => (bar.value = share);
    one.done = (uploaded) => {
      one.uploaded = uploaded;
      name.textContent = uploaded.name;
      bar.remove();
    };
    one.failed = (reason) => {
      one.node.classList.add("attachment-failed");
      note.textContent = reason;
      bar.replaceWith(element("button", { class: "link-button", type: "button", text: text("tryAgain"), onclick: one.retry }));
    };
    pending = [...pending, one];
    list.append(one.node);
    list.hidden = false;
    onChanged();
  }

  function remove(one) {
    pending = pending.filter((other) => other !== one);
    one.node.remove();
    list.hidden = pending.length === 0;
    onChanged();
  }

  button.replaceChildren(icon("clip"));
  button.setAttribute("aria-label", text("attach"));
  button.title = text("attach");
  list.setAttribute("aria-label", text("attachments"));
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
    byId("message").focus();
  });
  byId("message").addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    // A table copied from an office program is text and a picture of it: the text is meant.
    if (files.length === 0 || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    add(files);
  });
  takeDropped(byId("chat"), add);

  return {
    /** Nothing is on its way and nothing has failed. */
    isSettled: () => pending.every((one) => one.uploaded !== null),
    count: () => pending.length,
    /** Hands over what is uploaded, and begins anew. */
    take() {
      const files = pending.map((one) => one.uploaded);
      for (const one of pending) one.node.remove();
      pending = [];
      list.hidden = true;
      return files;
    },
    /** Those of a message that is changed once more. */
    putBack(files) {
      for (const file of files) {
        const one = { name: file.name, bytes: file.bytes, uploaded: null, leave() {} };
        show(one);
        one.done(file);
      }
      onChanged();
    },
  };
}

/** Files may be dropped anywhere on the page; what else is dragged over it is none of our business. */
function takeDropped(area, add) {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  // Entering a child leaves its parent.
  let depth = 0;
  const mark = (by) => {
    depth = by === 0 ? 0 : depth + by;
    area.classList.toggle("dropping", depth > 0);
  };
  area.addEventListener("dragenter", (event) => holdsFiles(event) && mark(1));
  area.addEventListener("dragleave", (event) => holdsFiles(event) && mark(-1));
  area.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  area.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    mark(0);
    add(event.dataTransfer.files);
  });
}
