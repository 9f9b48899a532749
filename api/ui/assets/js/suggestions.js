// The chips below the last reply: what a click on each of them says, and their buttons.

import { byId, element } from "./element.js";
import { MESSAGE_TYPE } from "./transcript.js";

/**
 * The message that a suggestion stands for: `{content, contextName, messageType}`. Pure.
 * An action of a kind we do not know says the text of the chip.
 */
export function messageOf({ text, context, action }) {
  const said = { content: text, contextName: context, messageType: MESSAGE_TYPE.visitor };
  const filled = (value) => typeof value === "string" && value.trim() !== "";
  if (action?.type === "send_message" && filled(action.message)) return { ...said, content: action.message };
  if (action?.type === "select_context" && filled(action.context)) return { ...said, contextName: action.context };
  if (action?.type === "invoke_tool" && filled(action.tool)) {
    return { ...said, messageType: MESSAGE_TYPE.tool, tool: action.tool, params: action.params ?? null };
  }
  return said;
}

/** The chip that a key leads to: around at both ends, and along the direction in which the page is written. */
function chipAfter(chips, chip, key, leftward) {
  const forward = leftward ? "ArrowLeft" : "ArrowRight";
  const backward = leftward ? "ArrowRight" : "ArrowLeft";
  const index = chips.indexOf(chip);
  if (key === forward || key === "ArrowDown") return chips[(index + 1) % chips.length];
  if (key === backward || key === "ArrowUp") return chips.at(index - 1);
  if (key === "Home") return chips[0];
  return key === "End" ? chips.at(-1) : null;
}

export function createSuggestions(text, onChosen) {
  const group = byId("suggestions");
  group.setAttribute("aria-label", text("suggestions"));
  let shown = [];
  group.addEventListener("keydown", (event) => {
    const next = chipAfter([...group.children], document.activeElement, event.key, getComputedStyle(group).direction === "rtl");
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  return {
    show(suggestions) {
      if (suggestions === shown) return;
      shown = suggestions;
      group.hidden = suggestions.length === 0;
      group.replaceChildren(...suggestions.map((suggestion) =>
        element("button", { class: "chip", type: "button", dir: "auto", text: suggestion.text, onclick: () => onChosen(messageOf(suggestion)) })));
    },
  };
}
