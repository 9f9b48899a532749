// What only some conversations need, fetched when they do: who answers in the bot's place, switches, contexts.

import { wordsOf } from "../texts.js";
import { currentTheme } from "../theme.js";
import { createControlBar } from "./control_bar.js";
import { createSwitchers, setUpIn } from "./switchers.js";
import { TEXTS } from "./texts.js";

// Kinds of messages that say nothing to the bot.
const CHOSEN = { context: 5, switcher: 8 };

/** `choose(frame)` sends a choice to the server, which says what became of it to every page of the session. */
export function createDesk({ language, choose, announce }) {
  const text = wordsOf(TEXTS[language], language);
  const bar = createControlBar(text);
  const switchers = createSwitchers(text, {
    onToggle: (id) => choose({ message_type: CHOSEN.switcher, content: id }),
    onLeave: () => choose({ message_type: CHOSEN.context, content: "" }),
  });
  return {
    /** Shows what the server told last of each; nothing is as if the bot answered and offered nothing. */
    show({ control, set_up: setUp, theme }, isReady) {
      // As the bot would like it, unless the visitor has chosen.
      if (["light", "dark"].includes(theme) && currentTheme() === "system") document.documentElement.dataset.theme = theme;
      const back = bar.show(control ?? { control: "bot" });
      if (back) announce(back);
      switchers.show(setUpIn(setUp), isReady);
    },
  };
}
