// What only some conversations need, fetched when they do: who answers in the bot's place, switches, contexts.

import { MESSAGE_TYPE } from "../transcript.js";
import { createControlBar } from "./control_bar.js";
import { createSwitchers, setUpIn } from "./switchers.js";

/** `choose(frame)` sends a choice to the server, which says what became of it to every page of the session. */
export function createDesk({ text, choose, announce }) {
  const bar = createControlBar(text);
  const switchers = createSwitchers(text, {
    onToggle: (id) => choose({ message_type: MESSAGE_TYPE.switcher, content: id }),
    onLeave: () => choose({ message_type: MESSAGE_TYPE.context, content: "" }),
  });
  return {
    /** Shows what the server told last of each; nothing is as if the bot answered and offered nothing. */
    show({ control, set_up: setUp }, isReady) {
      const back = bar.show(control ?? { control: "bot" });
      if (back) announce(back);
      switchers.show(setUpIn(setUp), isReady);
    },
  };
}
