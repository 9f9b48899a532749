// Says who answers, where that is not the bot.

import { byId, element } from "../element.js";

/** What the bar says of `{control, attendant}`: `{name, values}` of a text, or null while the bot answers. Pure. */
export function controlWords({ control, attendant = null }) {
  const named = typeof attendant === "string" && attendant.trim() !== "";
  if (control === "waiting_for_human") return named ? { name: "waitingForNamed", values: { name: attendant } } : { name: "waitingForHuman" };
  if (control === "human") return named ? { name: "withNamed", values: { name: attendant } } : { name: "withHuman" };
  return control === "paused" ? { name: "controlPaused" } : null;
}

export function createControlBar(text) {
  const bar = byId("control");
  let shown = null;
  return {
    show(state) {
      const words = controlWords(state);
      const said = words === null ? null : text(words.name, words.values);
      if (said === shown) return;
      // Who heard that a person answers hears that the bot does again.
      const back = shown !== null && said === null ? text("backToBot") : null;
      shown = said;
      bar.hidden = said === null;
      bar.dataset.control = said === null ? "" : state.control;
      bar.replaceChildren(...(said === null ? [] : [element("span", { class: `dot dot-${state.control === "human" ? "good" : "busy"}`, "aria-hidden": "true" }), element("span", { dir: "auto", text: said })]));
      return back;
    },
  };
}
