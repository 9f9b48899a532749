// Where the visitor writes: a field that grows, a draft that survives a reload, a limit that is told in time.

import { byId, icon } from "./element.js";

// The server takes at most this much for one message.
export const MESSAGE_BYTES_MAX = 16 * 1024;
const COUNTED_FROM_BYTES = MESSAGE_BYTES_MAX * 0.9;
const DRAFT_KEPT_AFTER_MS = 300;
const NOTICE_SHOWN_MS = 10_000;

export const bytesIn = (text) => new TextEncoder().encode(text).length;

/** `attachments` says what is sent along, and whether it is ready. */
export function createComposer({ text, attachments, onSend, onDraft }) {
  const form = byId("composer");
  const field = byId("message");
  const button = byId("send-button");
  const count = byId("message-count");
  const notice = byId("notice");
  let draftTimer = null;
  let hidden = false;
  let noticeTimer = null;

  function changed() {
    grow(field);
    const bytes = bytesIn(field.value.trim());
    const tooLong = bytes > MESSAGE_BYTES_MAX;
    button.disabled = !isReady();
    field.toggleAttribute("aria-invalid", tooLong);
    count.classList.toggle("composer-count-over", tooLong);
    count.textContent = countText(text, bytes);
    clearTimeout(draftTimer);
    draftTimer = setTimeout(keepDraft, DRAFT_KEPT_AFTER_MS);
  }

  /** Of a secret no draft is kept. */
  function keepDraft() {
    onDraft(hidden ? "" : field.value);
  }

  function isReady() {
    const bytes = bytesIn(field.value.trim());
    return (bytes > 0 || attachments.count() > 0) && bytes <= MESSAGE_BYTES_MAX && attachments.isSettled();
  }

  function submit() {
    if (!isReady()) return;
    const content = field.value.trim();
    const files = attachments.take();
    field.value = "";
    changed();
    onDraft("");
    onSend({ content, files });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    field.focus();
  });
  field.addEventListener("input", changed);
  field.addEventListener("keydown", (event) => {
    // While an input method composes, Enter picks a candidate (229 where `isComposing` is late).
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  addEventListener("pagehide", keepDraft);
  addEventListener("resize", () => grow(field));

  field.placeholder = text("messagePlaceholder");
  byId("message-label").textContent = text("messageLabel");
  form.setAttribute("aria-label", text("messageLabel"));
  button.replaceChildren(icon("send"));
  button.setAttribute("aria-label", text("send"));
  button.title = text("send");
  return {
    /** The draft of an earlier visit, unless something was written while the page was loading. */
    restore(draft) {
      if (field.value === "") field.value = draft;
      changed();
    },
    /** From here on the Enter key is heard; one that came before is made good. */
    listen() {
      const early = field.dataset.heard === "early";
      field.dataset.heard = "yes";
      if (early) submit();
    },
    /** What can be sent along has changed. */
    attachmentsChanged: changed,
    /** Puts a message back to be changed, above what is being written. */
    putBack({ content, files }) {
      field.value = field.value.trim() === "" ? content : `${content}\n${field.value}`;
      attachments.putBack(files);
      changed();
      field.focus();
    },
    notify(words) {
      clearTimeout(noticeTimer);
      notice.textContent = words;
      noticeTimer = setTimeout(() => (notice.textContent = ""), NOTICE_SHOWN_MS);
    },
    /** Shows dots for what is typed while the bot asks for a secret. */
    hide(wanted) {
      if (wanted === hidden) return;
      hidden = wanted;
      // What was typed of a secret when it was answered elsewhere must not come to light.
      if (!wanted) field.value = "";
      field.classList.toggle("hidden-words", wanted);
      field.spellcheck = !wanted;
      field.placeholder = text(wanted ? "secretPlaceholder" : "messagePlaceholder");
      byId("message-label").textContent = text(wanted ? "secretLabel" : "messageLabel");
      changed();
      keepDraft();
    },
    /** Where there is nobody to write to, there is no field. */
    offer(wanted) {
      form.hidden = !wanted;
    },
    /** Only where that does not make a keyboard jump up. */
    focus: () => matchMedia("(hover: hover) and (pointer: fine)").matches && field.focus(),
  };
}

function countText(text, bytes) {
  if (bytes < COUNTED_FROM_BYTES) return "";
  const left = MESSAGE_BYTES_MAX - bytes;
  return left >= 0 ? text("remaining", { count: left }) : text("tooLong", { count: -left });
}

function grow(field) {
  field.style.height = "auto";
  // `scrollHeight` leaves out the border.
  field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
}
