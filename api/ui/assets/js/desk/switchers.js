// The switches above the message field, each on or off, and the context that is active.

import { byId, element, icon } from "../element.js";

/** The set-up as the page keeps it: `{context, switchers: [{id, label, active}]}`. Pure. */
export function setUpIn(data) {
  const list = Array.isArray(data?.switchers) ? data.switchers : [];
  return {
    context: typeof data?.context_name === "string" && data.context_name.trim() !== "" ? data.context_name : null,
    switchers: list
      .filter((one) => typeof one?.id === "string" && one.id !== "")
      .map((one) => ({ id: one.id, label: typeof one.label === "string" && one.label.trim() !== "" ? one.label : one.id, active: one.active === true })),
  };
}

/** `onToggle(id)` and `onLeave()` when a switch is pressed or the context is left. */
export function createSwitchers(text, { onToggle, onLeave }) {
  const group = byId("switchers");
  group.setAttribute("aria-label", text("switchers"));
  let shown = null;
  return {
    show(setUp, enabled) {
      const mark = JSON.stringify([setUp, enabled]);
      if (mark === shown) return;
      shown = mark;
      const focused = group.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
      const context = setUp.context === null ? [] : [contextButton(setUp.context, enabled)];
      group.replaceChildren(...context, ...setUp.switchers.map((one) => switchButton(one, enabled)));
      group.hidden = group.childElementCount === 0;
      if (focused !== undefined) [...group.children].find((button) => button.dataset.id === focused)?.focus();
    },
  };

  function switchButton({ id, label, active }, enabled) {
    return element("button", { class: "switcher", type: "button", dir: "auto", "aria-pressed": String(active), "data-id": id, disabled: !enabled, onclick: () => onToggle(id) },
      active ? icon("check") : null, element("span", { text: label }));
  }

  function contextButton(name, enabled) {
    const label = text("leaveContext", { name });
    return element("button", { class: "switcher switcher-context", type: "button", "aria-label": label, title: label, "data-id": "", disabled: !enabled, onclick: onLeave },
      element("span", { dir: "auto", text: name }), icon("close"));
  }
}
