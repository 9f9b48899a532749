// Keeps the newest message in sight for those who are at the end, and leaves alone those who read above:
// they get a button that leads down and says how much is new.

import { byId, icon } from "./element.js";

// So near to the end counts as at the end.
const NEAR_PIXELS = 64;

/** `isWatched`: whether the page can be seen at all just now. */
export function createScrollKeeper({ text, isWatched, onSeen }) {
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
    if (atEnd && isWatched()) {
      unread = 0;
      onSeen();
    }
    show();
  }

  /** Where the mark of what is unread stands, if that is further down than what is in sight. */
  function markBelow() {
    const mark = scroller.querySelector(".separator-unread");
    if (mark === null) return null;
    const distance = mark.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
    return distance > scroller.clientHeight / 2 ? scroller.scrollTop + distance : null;
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
    const mark = markBelow();
    scroller.scrollTo({ top: mark ?? scroller.scrollHeight, behavior: calm ? "auto" : "smooth" });
    scroller.focus({ preventScroll: true });
  });
  // Pictures that load late, a composer that grows, a window that turns.
  const observer = new ResizeObserver(() => atEnd && toEnd());
  for (const node of [scroller, ...scroller.children]) observer.observe(node);

  return {
    toEnd,
    /** To the mark of what is unread: a visitor who comes back goes on reading there. */
    toUnread() {
      const mark = scroller.querySelector(".separator-unread");
      if (mark === null) return;
      scroller.scrollTop += mark.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
      look();
    },
    look,
    /** Whether a message that comes in now is seen at once. */
    seesNew: () => atEnd && isWatched(),
    /** After the transcript has changed; `fresh` messages came in that were not seen at once. */
    changed(fresh) {
      unread += fresh;
      if (atEnd) toEnd();
      show();
    },
    unread: () => unread,
  };
}
