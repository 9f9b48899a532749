// The chat in a frame of another page, put there by embed.js: whether it is open, and what the page around it
// is told. It is told numbers and wishes, never what was said, and only by `postMessage`.

const CHANNEL = "botserver.chat";

/** Whether this page is a frame that embed.js made. */
export const isEmbedded = () => parent !== window && new URLSearchParams(location.search).get("embed") === "1";

/** `onShown({opened, focus})` is called when the page around opens or closes the chat. */
export function createEmbedding({ onShown }) {
  const embedded = isEmbedded();
  // The server's policy decides who may be around; the answer then goes to that one only.
  let origin = null;
  let opened = !embedded;
  let told = 0;

  const tell = (message, to = origin) => to !== null && parent.postMessage({ channel: CHANNEL, ...message }, to);

  if (embedded) {
    document.documentElement.dataset.embedded = "";
    addEventListener("message", (event) => {
      const { data, source } = event;
      if (source !== parent || data?.channel !== CHANNEL || data.event !== "shown") return;
      origin = event.origin;
      opened = data.opened === true;
      onShown({ opened, focus: data.focus === true });
    });
    tell({ event: "ready" }, "*");
  }

  return {
    embedded,
    isOpened: () => opened,
    close: () => tell({ event: "close" }),
    unread(count) {
      if (count === told || origin === null) return;
      told = count;
      tell({ event: "unread", count });
    },
  };
}
