// Keeps the newest message in sight for those who are at the end, and leaves alone those who read above:
// they get a button that leads down and says how much is new.

import { byId, icon } from "./element.js";

// So near to the end counts as at the end.
const NEAR_PIXELS = 64;

export function createScrollKeeper({ text, onSeen }) {
  const scroller = byId("scroller");
  const button = byId("latest-button");
  let atEnd = true;
  let unread = 0;

  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
    atEnd = true;
  };

  function look() {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= NEAR_PIXELS;
    if (atEnd && !document.hidden && unread > 0) {
      unread = 0;
      onSeen();
    }
    show();
  }

  function show() {
    button.hidden = atEnd;
    const label = unread > 0 ? text("latestUnread", { count: unread }) : text("latest");
    if (button.getAttribute("aria-label") === label) return;
    button.setAttribute("aria-label", label);
    button.title = label;
    const number = document.createElement("span");
    number.textContent = unread > 0 ? label : "";
    button.replaceChildren(number, icon("down"));
  }

  scroller.addEventListener("scroll", look, { passive: true });
  document.addEventListener("visibilitychange", look);
  button.addEventListener("click", () => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scroller.scrollTo({ top: scroller.scrollHeight, behavior: calm ? "auto" : "smooth" });
    scroller.focus({ preventScroll: true });
  });
  // Pictures that load late, a composer that grows, a window that turns.
  const observer = new ResizeObserver(() => atEnd && toEnd());
  for (const node of [scroller, ...scroller.children]) observer.observe(node);

  return {
    toEnd,
    /** Whether a message that comes in now is seen at once. */
    seesNew: () => atEnd && !document.hidden,
    /** After the transcript has changed; `fresh` messages came in that were not seen at once. */
    changed(fresh) {
      unread += fresh;
      if (atEnd) toEnd();
      show();
    },
    unread: () => unread,
  };
}
