// What stands in the place of a conversation that has nothing in it yet: loading, empty, or what went wrong.

import { byId, element } from "./element.js";
import { showAvatar } from "./header.js";

/** Which panel is due, or null beside a conversation. `settled`: was connected long enough to be greeted. Pure. */
export function panelOf({ connection, hasMessages, settled }) {
  const { phase, problem } = connection;
  if (phase === "stopped") return hasMessages && problem.kind !== "unknownBot" ? "refusedBeside" : problem.kind;
  if (hasMessages) return null;
  if (settled) return "empty";
  if (problem !== null && phase !== "ready") return problem.kind;
  return "loading";
}

export function createPanel(text, onAskAgain) {
  const panel = byId("panel");
  const loading = panel.querySelector(".panel-loading");
  byId("loading-text").textContent = text("loading");
  byId("late-text").textContent = text("late");
  let shown = "loading";

  const askAgain = () => element("button", { class: "button", type: "button", text: text("tryNow"), onclick: onAskAgain });
  const words = (title, ...rest) => [element("h2", { class: "panel-title", dir: "auto", text: title }), ...rest];
  const paragraph = (content) => element("p", { class: "panel-text", dir: "auto", text: content });

  const CONTENT = {
    loading: () => [loading],
    empty({ bot }) {
      const avatar = element("div", { class: "avatar avatar-large", "aria-hidden": "true" });
      showAvatar(avatar, bot.title, bot.theme?.logo);
      const about = [bot.welcome_message, bot.description].find((one) => typeof one === "string" && one.trim() !== "");
      return [avatar, ...words(text("emptyTitle", { name: bot.title }), about ? paragraph(about) : null, paragraph(text("emptyText")))];
    },
    unknownBot: ({ bot }) => words(text("unknownBotTitle"), paragraph(bot.bot_name === null ? text("noBotText") : text("unknownBotText", { name: bot.bot_name }))),
    refused: ({ problem }) => words(text("refusedTitle"), paragraph(problem?.detail ?? text("refusedText")), askAgain()),
    refusedBeside: ({ problem }) => words(text("refusedTitle"), paragraph(problem?.detail ?? text("refusedText")), askAgain()),
    away: () => words(text("awayTitle"), paragraph(text("awayText")), askAgain()),
    tooMany: ({ problem }) => words(text("tooManyTitle"), paragraph(text("tooManyText", { seconds: problem.seconds }))),
  };

  return {
    show(kind, { connection, bot }) {
      const key = `${kind}:${connection.problem?.detail ?? ""}:${kind === "tooMany" ? connection.problem.seconds : ""}`;
      if (key === shown) return;
      shown = key;
      panel.hidden = kind === null;
      panel.classList.toggle("panel-beside", kind === "refusedBeside");
      panel.dataset.kind = kind ?? "";
      if (kind !== null) panel.replaceChildren(...CONTENT[kind]({ problem: connection.problem, bot }).filter(Boolean));
    },
  };
}
